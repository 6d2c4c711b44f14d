"""Exceptions in text lines, for a terminal: PostgreSQL's sentence first, the SQL with a caret, the program's frames."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from org_common.telemetry.causes import FACTS

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any

PACKAGE = str(Path(__file__).parents[1])


def headline(error: dict[str, Any]) -> str:
    """PostgreSQL's sentence, for the line of the record; empty if the exception has another cause."""
    failed = _database_error(error)
    return "" if failed is None else f": {failed['message']}"


def cause_lines(error: dict[str, Any]) -> list[str]:
    """The lines below the record's: of a database error the SQL and the program's frames, else the chain of causes."""
    failed = _database_error(error)
    if failed is None:
        return _chain(error)
    facts = [f"  {name}: {failed[name]}" for name in FACTS if name in failed]
    frames = [frame for each in _causes(error) for frame in each.get("stack", ())]
    return [*[f"    {line}" for line in failed["sql"]], *facts, *_frames(list(dict.fromkeys(frames)))]


def _chain(error: dict[str, Any]) -> list[str]:
    lines = [f"  {error['type']}: {error['message']}"]
    stack = error.get("stack", [])
    # The innermost frame stays: an error of the SDK itself has no other.
    lines += [*_frames(stack[:-1]), *[f"    {frame}" for frame in stack[-1:]]]
    cause = error.get("cause")
    return [*lines, "  caused by", *_chain(cause)] if cause else lines


def _frames(stack: list[str]) -> list[str]:
    """The frames, with those of the SDK folded."""
    lines: list[str] = []
    for is_own, frames in groupby(stack, lambda frame: frame.startswith(PACKAGE)):
        shown = list(frames)
        lines += [f"    … {len(shown)} frames of org_common"] if is_own else [f"    {frame}" for frame in shown]
    return lines


def _causes(error: dict[str, Any]) -> list[dict[str, Any]]:
    cause = error.get("cause")
    return [error, *_causes(cause)] if cause else [error]


def _database_error(error: dict[str, Any]) -> dict[str, Any] | None:
    return next((each for each in _causes(error) if "sql" in each), None)
