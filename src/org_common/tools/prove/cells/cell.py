"""One assertion of the proof: a verb on a table, or a call of a function, by one caller."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from org_common.tools.prove.cells.probe import Outcome, Probe

REFUSED = "42501"
Judge = Callable[[Outcome], str | None]
"""Returns what is wrong with an outcome, None if it is as expected."""


@dataclass(frozen=True)
class Cell:
    """One assertion, and the statement or the fact of the catalog that decides it."""

    subject: str
    """Name of the table, view, function or sequence."""
    verb: str
    """"select", "insert", "update", "delete", "move", "call", "rights" or what else is asserted."""
    person: str
    """Who: "owner of a", a role, or "" for an assertion about the schema."""
    judge: Judge
    """Returns what is wrong with an outcome, None if it is as expected."""
    probe: Probe | None = None
    """The statement."""
    fact: tuple[str, ...] | None = None
    """The fact of the catalog, instead of a statement."""
    side: str = ""
    """Whose rows: "own", "foreign" or ""."""

    @property
    def name(self) -> str:
        """What it asserts: "access.orgs: update by owner of a"."""
        by = f" by {self.person}" if self.person else ""
        return f"{self.subject}: {self.verb}{by}"


@dataclass(frozen=True)
class Finding:
    """A cell that is not as declared."""

    cell: Cell
    """The cell."""
    problem: str
    """What is wrong."""

    @property
    def script(self) -> str:
        """The SQL that reproduces it; "" for a fact of the catalog."""
        return self.cell.probe.script() if self.cell.probe else ""
