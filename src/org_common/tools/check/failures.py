"""What PostgreSQL's error about a statement means, and what to do about it."""

from __future__ import annotations

import re

from org_common.db.protocol.errors import StatementFailed
from org_common.tools.check.columns import Problem
from org_common.tools.database.advice import advise

_UNKNOWN = frozenset({"3F000", "42703", "42704", "42883", "42P01", "42P02"})
_TYPES = frozenset({"22P02", "22007", "42725", "42804", "42846", "42P08", "42P18", "42P22", "42P38"})
_NO_OPERATOR = "operator does not exist"


def problem(failed: StatementFailed, role: str) -> Problem | None:
    """The problem of the statement; None for an error that a function of the project raised while it was planned."""
    text = failed.origin.named(failed.message) if failed.origin else failed.message
    advice = advise(failed) or failed.hint or "correct the statement"
    word = _word(failed)
    if failed.sqlstate == "42501":
        return Problem("rights.missing", f"{text}, as the role {role}", advice, word)
    if failed.sqlstate in _TYPES or text.startswith(_NO_OPERATOR):
        return Problem("sql.type", text, advice, word)
    if failed.sqlstate in _UNKNOWN:
        return Problem("sql.unknown", _hinted(text, failed), advice, word)
    if failed.sqlstate[:2] in ("42", "0A", "54"):
        return Problem("sql.invalid", text, advice, word)
    return None


def _hinted(text: str, failed: StatementFailed) -> str:
    """With PostgreSQL's guess, "Perhaps you meant to reference the column "o.name"."."""
    hint = failed.hint or ""
    return f"{text}. {hint.rstrip('.')}" if hint.startswith("Perhaps") else text


def _word(failed: StatementFailed) -> str:
    """The name that the error is about."""
    found = re.search(r'"([^"]+)"|for \w+ (\w+)', failed.message)
    return (found[1] or found[2]) if found else ""
