"""What the statements of a project cost, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from org_common.tools.cost.measure import MAX_RATIO
from org_common.tools.cost.replay import Replay

SHOWN = 20
"""Statements in the text, those with the highest ratio: the JSON has all."""
_HEAD = ("statement", "run by", "", "with", "without", "ratio")
FIX = (
    "column = any (array(select …)) in the policies of its tables and in the functions that these call; EXPLAIN it as"
    " the role"
)


def statement_lines(replays: Sequence[Replay], computed: Sequence[str]) -> Iterator[str]:
    """The statements with the highest ratio, those that were not measured, and the findings."""
    measured = sorted((each for each in replays if each.without_rls is not None), key=_rank)
    rows = [_HEAD, *(_row(each) for each in measured[:SHOWN])]
    widths = [max(len(row[at]) for row in rows) for at in range(len(_HEAD))]
    for row in rows:
        names = [text.ljust(width) for text, width in zip(row[:3], widths[:3], strict=True)]
        cells = [text.rjust(width) for text, width in zip(row[3:], widths[3:], strict=True)]
        yield "  ".join([*names, *cells]).rstrip()
    if len(measured) > SHOWN:
        yield f"and {len(measured) - SHOWN} with lower ratios, which --json has"
    for each in (each for each in replays if each.without_rls is None):
        yield f"not measured: {each.asked.place}: {each.asked.title}, as {each.asked.role}: {each.skipped}"
    for place in computed:
        yield f"not measured: {place}: its SQL is computed at run time"
    slow = [each for each in measured if each.problem]
    for each in slow:
        yield f"SLOW  {each.asked.place}: {each.asked.title}: a call by {each.person} {each.problem}"
        yield f"      fix: {FIX}"
    above = sum((each.ratio or 0) > MAX_RATIO for each in measured) - sum(each.ratio is not None for each in slow)
    yield (
        f"{len(measured)} statements measured, {len(slow)} slow; {above} others are above {MAX_RATIO:g} times, by no"
        " more than the rows of the tenant"
    )


def _rank(each: Replay) -> tuple[bool, float]:
    """A problem first, and then the highest ratio."""
    return each.problem is None, -(float("inf") if each.ratio is None else each.ratio)


def _row(each: Replay) -> tuple[str, ...]:
    with_rls, without_rls = (f"{amount:,.0f}" for amount in each.amounts) if each.amounts else ("-", "-")
    unit = "planned cost" if each.asked.writes else "blocks"
    ratio = "-" if each.ratio is None else f"{each.ratio:.1f}"
    return f"{each.asked.place} {each.asked.title}", each.person, unit, with_rls, without_rls, ratio


def statement_document(each: Replay) -> dict[str, Any]:
    """The cost of one statement as JSON values."""
    found = {"place": each.asked.place, "statement": each.asked.title, "role": each.asked.role}
    if each.without_rls is None:
        return found | {"skipped": each.skipped}
    with_rls, without_rls = each.amounts or (None, None)
    return found | {
        "person": each.person,
        "is_executed": not each.asked.writes,
        "unit": "planned cost" if each.asked.writes else "blocks",
        "with_rls": with_rls,
        "without_rls": without_rls,
        "ratio": None if each.ratio is None else round(each.ratio, 2),
        "ms": None if each.asked.writes or each.with_rls is None else each.with_rls.ms,
        "ms_without_rls": None if each.asked.writes else each.without_rls.ms,
        "problem": each.problem,
    }
