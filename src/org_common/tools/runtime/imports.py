"""Parses the output of `python -X importtime`: the imports of a start, and how long each took."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

LINE = re.compile(r"^import time:\s+(\d+) \|\s+(\d+) \|( *)(\S+)$", re.MULTILINE)


@dataclass
class Import:
    """An imported module. The times include some overhead of the profiler."""

    name: str
    self_us: int
    """Microseconds in the module's own code."""
    total_us: int
    """Microseconds including the modules that it imported."""
    children: list[Import] = field(default_factory=list["Import"])
    """Modules that it was the first to import, in order."""

    def walk(self, depth: int = 0) -> Iterator[tuple[int, Import]]:
        """The module and all below it with their depth, each module before those that it imported."""
        yield depth, self
        for child in self.children:
            yield from child.walk(depth + 1)


def parse(output: str) -> list[Import]:
    """The top-level imports in order, each with its own imports as children."""
    # Python prints a module after its import: its children precede it, indented one step further.
    pending: dict[int, list[Import]] = {}
    for line in LINE.finditer(output):
        depth = len(line[3]) // 2
        module = Import(line[4], int(line[1]), int(line[2]), pending.pop(depth + 1, []))
        pending.setdefault(depth, []).append(module)
    return pending.get(0, [])


def slowest(roots: Sequence[Import], count: int = 10) -> list[Import]:
    """The modules whose own code took longest."""
    modules = [module for root in roots for _, module in root.walk()]
    return sorted(modules, key=lambda module: -module.self_us)[:count]


def find_import(roots: Sequence[Import], name: str) -> Import | None:
    """The import of this module at any depth; None if it was not imported."""
    return next((module for root in roots for _, module in root.walk() if module.name == name), None)
