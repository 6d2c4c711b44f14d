"""A statement that does not fit the database or the code around it, and the ids of all such findings."""

from __future__ import annotations

from dataclasses import dataclass

# All ids of findings, and why each one matters. Programs rely on the ids, so they never change.
REASONS: dict[str, str] = {
    "sql.invalid": "the SDK or PostgreSQL cannot parse it, so each call fails",
    "sql.unknown": "PostgreSQL knows no such table, column, function or type, so each call fails",
    "sql.type": "PostgreSQL has no operator, function or conversion for these types, so each call fails",
    "rights.missing": "the role of the request may not do this, so each call is a 403",
    "reader.writes": "a Reader's transaction is READ ONLY, so each call fails",
    "columns.model": "rows are matched with the model's fields by name, so each call that finds a row fails",
    "columns.star": "a column that a later migration adds becomes part of the result, and the model rejects it",
    "columns.type": "the model rejects a value of the column's type, so each call that finds a row fails",
    "columns.null": "the column can be null and the field cannot, so such a row is a 500",
    "columns.values": "the database stores values that the field rejects, so such a row is a 500",
    "parameters.missing": "the statement names a parameter that the call does not give, so each call fails",
    "parameters.type": "PostgreSQL has no conversion for a value of this type, so calls fail",
    "parameters.null": "PostgreSQL cannot tell the type of a parameter that is null, so such calls fail",
    "parameters.values": "the type in the database has no such value, so a call with it fails",
    "page.sort": "the statement cannot be paged this way, so each call fails",
    "page.index": "no index has the order of the list, so each page reads and sorts all of its rows",
    "rule.invalid": "the access rule runs before the handler, so each request to the route fails",
}


@dataclass(frozen=True, order=True)
class Finding:
    """What is wrong with one statement, where, and how to fix it."""

    file: str
    """Path of the file, relative to the current folder if it is in it."""
    line: int
    """The line to change, from 1: that of the SQL for an error in it, else that of the call."""
    id: str
    """A key of `REASONS`."""
    problem: str
    """What is wrong, in one line."""
    fix: str
    """What to do, in one line."""
    statement: str = ""
    """The name of the constant that holds the SQL, or its first words."""
    called: str = ""
    """`FILE:LINE` of the call that runs the statement."""

    @property
    def reason(self) -> str:
        """Why it matters."""
        return REASONS[self.id]

    def as_dict(self) -> dict[str, str | int]:
        """The JSON form of the finding."""
        return {
            "id": self.id,
            "file": self.file,
            "line": self.line,
            "statement": self.statement,
            "called": self.called,
            "problem": self.problem,
            "reason": self.reason,
            "fix": self.fix,
        }
