"""Conditions without one of their operands, from the SQL that PostgreSQL makes of a policy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

# Strings and quoted names are skipped: they may hold parentheses and these words.
_TOKEN = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|\(|\)|\b(?:AND|OR)\b""")


@dataclass
class _Group:
    """What a pair of parentheses holds."""

    start: int
    joints: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])


def without_each(condition: str) -> Iterator[tuple[str, str]]:
    """Each operand of an AND or OR, at any depth, and the condition without it.

    PostgreSQL puts each AND and each OR in parentheses of its own, as in `((a = 1) AND ((b = 2) OR (c IS NULL)))`.
    """
    groups: list[_Group] = []
    for token in _TOKEN.finditer(condition):
        if token[0] == "(":
            groups.append(_Group(token.end()))
        elif token[0] == ")" and groups:
            yield from _dropped(condition, groups.pop(), token.start())
        elif token[0] in ("AND", "OR") and groups:
            groups[-1].joints.append(token.span())


def _dropped(condition: str, group: _Group, end: int) -> Iterator[tuple[str, str]]:
    starts = [group.start, *(joint[1] for joint in group.joints)]
    ends = [*(joint[0] for joint in group.joints), end]
    if not group.joints:
        return
    for at, (first, last) in enumerate(zip(starts, ends, strict=True)):
        # The word before goes with the operand; the one after it, for the first operand.
        left, right = (ends[at - 1], last) if at else (first, starts[1] + 1)
        kept = condition[:left].rstrip() if right == end else condition[:left]
        yield " ".join(condition[first:last].split()), kept + condition[right:]
