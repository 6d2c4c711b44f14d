"""Compares the objects of two databases: what the migrations make, and what a database has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from typing import Any

from org_common.tools.database.objects import Object

MISSING, UNEXPECTED, CHANGED = "missing", "unexpected", "changed"


@dataclass(frozen=True)
class Difference:
    """An object that differs."""

    ours: Object | None
    """As the migrations make it; None if they make none."""
    theirs: Object | None
    """As the database has it."""
    sql: str | None
    """What makes the database like the migrations without a loss of data; None if that is not certain."""

    @property
    def object(self) -> Object:
        """As the migrations make it, or else as the database has it."""
        found = self.ours or self.theirs
        assert found is not None
        return found

    @property
    def change(self) -> str:
        """What is different, in one word."""
        return CHANGED if self.ours and self.theirs else MISSING if self.ours else UNEXPECTED

    def lines(self) -> Iterator[str]:
        """The difference for people."""
        definition = self.object.definition
        short = f": {definition}" if definition and "\n" not in definition and self.change != CHANGED else ""
        yield f"{self.change:<10}  {self.object.kind} {self.object.name}{short}"
        if self.ours and self.theirs:
            was, wanted = self.theirs.definition.splitlines(), self.ours.definition.splitlines()
            changed = unified_diff(was, wanted, "database", "migrations", n=1, lineterm="")
            yield from (f"{'':<10}    {line}" for line in changed if not line.startswith("@@"))
        if self.sql:
            yield from (f"{'':<10}  > {line}" for line in f"{self.sql};".splitlines())

    def document(self) -> dict[str, Any]:
        """The difference for programs."""
        return {
            "change": self.change,
            "kind": self.object.kind,
            "name": self.object.name,
            "migrations": None if self.ours is None else self.ours.definition,
            "database": None if self.theirs is None else self.theirs.definition,
            "sql": self.sql,
        }


def compare(ours: Sequence[Object], theirs: Sequence[Object]) -> list[Difference]:
    """What differs in `theirs` from `ours`, in the order in which objects can be created."""
    theirs_by_name = {(each.kind, each.name): each for each in theirs}
    names = {(each.kind, each.name) for each in ours}
    tables = {each.name for each in theirs if each.kind == "table"}
    found: list[Difference] = []
    for each in ours:
        other = theirs_by_name.get((each.kind, each.name))
        if other is None:
            has_rows = each.table is not None and each.table in tables
            found.append(Difference(each, None, None if has_rows else each.create))
        elif other.definition != each.definition:
            found.append(Difference(each, other, _replaced(each, other)))
    return found + [Difference(None, each, each.drop) for each in theirs if (each.kind, each.name) not in names]


def _replaced(ours: Object, theirs: Object) -> str | None:
    if ours.replaces:
        return ours.create
    return f"{theirs.drop};\n{ours.create}" if theirs.drop and ours.create else None
