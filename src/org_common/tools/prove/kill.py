"""Makes each mutation in turn and looks for a cell that turns red."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import psycopg

from org_common.tools.prove import mutations
from org_common.tools.prove.cells.cell import Cell, Finding
from org_common.tools.prove.mutations import Mutation
from org_common.tools.prove.proof import Proof
from org_common.tools.prove.uses import Uses


@dataclass
class Kills:
    """What the proof noticed."""

    killed: list[tuple[Mutation, Finding]] = field(default_factory=list)
    """Mutations with the first cell that turned red."""
    survivors: list[tuple[Mutation, str | None]] = field(default_factory=list)
    """Mutations that no cell noticed, with the explanation in the declaration."""
    invalid: list[tuple[Mutation, str]] = field(default_factory=list)
    """Mutations that the server refused, with its message: they say nothing about the proof."""
    seconds: float = 0
    """How long it took."""

    @property
    def rate(self) -> float:
        """The part of the mutations that was noticed."""
        total = len(self.killed) + len(self.survivors)
        return len(self.killed) / total if total else 1.0

    def groups(self) -> dict[str, tuple[int, int]]:
        """Killed and all, by group."""
        killed = Counter(mutation.group for mutation, _ in self.killed)
        left = Counter(mutation.group for mutation, _ in self.survivors)
        return {name: (killed[name], killed[name] + left[name]) for name in dict.fromkeys([*killed, *left])}


def mutate(
    proof: Proof,
    progress: Callable[[int, int], None] = lambda done, total: None,
    *,
    thorough: bool = True,
    operands: bool = False,
) -> Kills:
    """Run all mutations, each in a savepoint that is rolled back. The proof has no findings before."""
    start = time.monotonic()
    kills = Kills()
    conn = proof.prober.conn
    uses = Uses(conn, proof.world)
    listed = [*mutations.of(conn, proof.world, operands=operands)]
    for done, mutation in enumerate(listed, 1):
        _try(proof, uses, kills, mutation, thorough)
        progress(done, len(listed))
    kills.seconds = time.monotonic() - start
    return kills


def _try(proof: Proof, uses: Uses, kills: Kills, mutation: Mutation, thorough: bool) -> None:
    subjects = uses.of(mutation.subject)
    near = [cell for cell in proof.cells if cell.subject in subjects]
    near.sort(key=lambda cell: (cell.subject != mutation.subject, _distance(cell, mutation)))
    far = [cell for cell in proof.cells if cell.subject not in subjects] if thorough else []
    try:
        with proof.prober.conn.transaction(force_rollback=True):
            proof.prober.conn.execute(mutation.statement.encode())
            finding = _first(proof, near) or _first(proof, far)
    except psycopg.Error as error:
        kills.invalid.append((mutation, str(error).partition("\n")[0]))
        return
    if finding:
        kills.killed.append((mutation, finding))
    else:
        kills.survivors.append((mutation, _why(proof, mutation)))


def _why(proof: Proof, mutation: Mutation) -> str | None:
    return next(
        (
            each.why
            for each in proof.world.declaration.survivors
            if each.on == mutation.subject and mutation.description.startswith(each.mutation)
        ),
        None,
    )


def _distance(cell: Cell, mutation: Mutation) -> bool:
    """The cells that a mutation turns red first: facts for grants, the cell of a key for the key."""
    return cell.fact is None and not (mutation.group == "foreign key" and "foreign key" in cell.verb)


def _first(proof: Proof, cells: Sequence[Cell]) -> Finding | None:
    return next(proof.check(cells), None)
