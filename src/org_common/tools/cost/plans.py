"""Reads what EXPLAIN reports: blocks, time, and how a table is scanned."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_BLOCKS = ("Shared Hit Blocks", "Shared Read Blocks", "Local Hit Blocks", "Local Read Blocks")
_ONCE = ("InitPlan", "SubPlan")


@dataclass(frozen=True)
class Plan:
    """The plan of a read of one table."""

    root: Mapping[str, Any]
    """The top node, with the keys of EXPLAIN (FORMAT JSON)."""

    @property
    def rows(self) -> int:
        """How many rows it returned."""
        return int(self.root.get("Actual Rows", 0) * self.root.get("Actual Loops", 1))

    @property
    def blocks(self) -> int:
        """How many blocks of 8 kB it read, from memory or disk, functions included."""
        return sum(int(self.root.get(name, 0)) for name in _BLOCKS)

    @property
    def cost(self) -> float:
        """What the planner expects, in its own units."""
        return float(self.root.get("Total Cost", 0))

    @property
    def ms(self) -> float:
        """How long it took, in milliseconds."""
        return float(self.root.get("Actual Total Time", 0))

    @property
    def scans(self) -> list[Mapping[str, Any]]:
        """The scans of the table or its partitions, without those of subqueries: a policy may read it there as well."""
        return [node for node in _walk(self.root) if "Relation Name" in node]

    def is_indexed(self, column: str) -> bool:
        """Whether each scan has the column in an Index Cond."""
        return bool(self.scans) and all(_has_condition(scan, column) for scan in self.scans)

    @property
    def is_sequential(self) -> bool:
        """Whether a scan reads all rows."""
        return any(scan["Node Type"] == "Seq Scan" for scan in self.scans)


def _walk(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        if child.get("Parent Relationship") not in _ONCE:
            yield from _walk(child)


def _has_condition(scan: Mapping[str, Any], column: str) -> bool:
    conditions = " ".join(str(node.get("Index Cond", "")) for node in _walk(scan))
    return re.search(rf'(?<![\w"]){re.escape(column)}(?!\w)|"{re.escape(column)}"', conditions) is not None
