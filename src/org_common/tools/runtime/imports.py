"""What a start imports, and what each import cost: `-X importtime`, read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

LINE = re.compile(r"^import time:\s+(\d+) \|\s+(\d+) \|( *)(\S+)$", re.MULTILINE)


@dataclass
class Import:
    """One module. `self_us` is its own, `total_us` has all that it imported first. Profiled, so a little too much."""

    name: str
    self_us: int
    total_us: int
    children: list[Import] = field(default_factory=list["Import"])

    def walk(self, depth: int = 0) -> Iterator[tuple[int, Import]]:
        """Itself and all below, in the order of import as one reads it: who asked comes first."""
        yield depth, self
        for child in self.children:
            yield from child.walk(depth + 1)


def parse(output: str) -> list[Import]:
    """The imports that nobody else asked for, in their order, with theirs below them."""
    # Python writes a module when it is done: its children stand above it, one step further in.
    open_: dict[int, list[Import]] = {}
    for found in LINE.finditer(output):
        depth = len(found[3]) // 2
        made = Import(found[4], int(found[1]), int(found[2]), open_.pop(depth + 1, []))
        open_.setdefault(depth, []).append(made)
    return open_.get(0, [])


def slowest(roots: Sequence[Import], count: int = 10) -> list[Import]:
    """Those whose own code took longest."""
    every = [each for root in roots for _, each in root.walk()]
    return sorted(every, key=lambda each: -each.self_us)[:count]


def find_import(roots: Sequence[Import], name: str) -> Import | None:
    """The import of this module, wherever it stands."""
    return next((each for root in roots for _, each in root.walk() if each.name == name), None)
