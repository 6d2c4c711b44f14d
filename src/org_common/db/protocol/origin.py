"""`Origin`: where in the schema and in the program's SQL a statement failed. Names and SQL, never values."""

from __future__ import annotations

import re

from psycopg.pq import DiagnosticField
from psycopg.pq.abc import PGresult

from org_common.db.protocol.exchange_span import name
from org_common.db.protocol.parameter_names import is_withheld, named

# The server's C function behind RAISE in PL/pgSQL.
_RAISE = "exec_stmt_raise"
_FUNCTION = r"PL/pgSQL function (\S+?\(.*?\)|inline_code_block) line (\d+)"
MAX_EXCERPT_LINES = 12


class Origin:
    """What the server's error names, without its values, and the statement that it is about."""

    __slots__ = ("column", "command", "constraint", "function", "is_raised", "position", "table")

    constraint: str | None
    """The violated constraint."""
    table: str | None
    """The table with its schema: "desk.tickets"."""
    column: str | None
    """The column, of a null value."""
    function: str | None
    """The PL/pgSQL function in which it failed, with the line."""
    is_raised: bool
    """Raised by a function of the program: its message and hint may hold values."""
    position: int | None
    """The character of the statement that the error is about, from 1."""
    command: bytes | None
    """The statement, with `$1` for its first parameter."""

    def __init__(self, result: PGresult) -> None:
        schema, table = _field(result, DiagnosticField.SCHEMA_NAME), _field(result, DiagnosticField.TABLE_NAME)
        self.constraint = _field(result, DiagnosticField.CONSTRAINT_NAME)
        self.table = f"{schema}.{table}" if schema and table else table
        self.column = _field(result, DiagnosticField.COLUMN_NAME)
        self.is_raised = _field(result, DiagnosticField.SOURCE_FUNCTION) == _RAISE
        function = re.search(_FUNCTION, _field(result, DiagnosticField.CONTEXT) or "")
        self.function = f"{function[1]} line {function[2]}" if function else None
        position = _field(result, DiagnosticField.STATEMENT_POSITION)
        self.position = int(position) if position else None
        self.command = None

    @property
    def statement(self) -> str | None:
        """The statement by verb and table, "INSERT desk.tickets"; "session setup" for that and the access rule."""
        if self.command is None:
            return None
        return name([(self.command, [], (), [])])

    def named(self, text: str) -> str:
        """The text with the parameters' names: `%(q)s` for `$2`."""
        return named(text, self.command)

    def excerpt(self) -> list[str]:
        """The line of the statement that the error is about and a caret below; all lines if there is no position.

        Nothing of a statement that was composed with literal values.
        """
        if self.command is None or is_withheld(self.command):
            return []
        text = self.command.decode(errors="replace")
        if self.position is None:
            return [self.named(line) for line in text.splitlines() if line.strip()][:MAX_EXCERPT_LINES]
        begin = text.rfind("\n", 0, self.position - 1) + 1
        line = text[begin:].partition("\n")[0]
        before = self.named(line[: self.position - 1 - begin])
        return [self.named(line), " " * len(before) + "^"]


def _field(result: PGresult, field: DiagnosticField) -> str | None:
    value = result.error_field(field)
    return value.decode(errors="replace") if value is not None else None
