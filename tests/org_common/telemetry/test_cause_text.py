"""In a terminal PostgreSQL's sentence comes first, with the SQL; the SDK's frames are folded."""

from typing import Any

from org_common.telemetry.cause_text import PACKAGE, cause_lines, headline

OWN = [f"{PACKAGE}/db/reader.py:{line} send" for line in (1, 2, 3)]
FAILED: dict[str, Any] = {
    "type": "org_common.db.protocol.errors.StatementFailed",
    "message": "column t.colour does not exist (SQLSTATE 42703)",
    "sqlstate": "42703",
    "hint": 'Perhaps you meant to reference the column "t.color".',
    "statement": "SELECT desk.tickets",
    "sql": ["select t.colour", "       ^"],
    "stack": OWN[2:],
}
ERROR: dict[str, Any] = {
    "type": "org_common.values.errors.OrgError",
    "message": "Something went wrong on our side.",
    "stack": [OWN[0], "/app/desk.py:7 tickets", *OWN[1:]],
    "cause": FAILED,
}


def test_database_error_begins_with_the_server_s_sentence() -> None:
    assert headline(ERROR) == ": column t.colour does not exist (SQLSTATE 42703)"
    assert cause_lines(ERROR) == [
        "    select t.colour",
        "           ^",
        '  hint: Perhaps you meant to reference the column "t.color".',
        "    … 1 frames of org_common",
        "    /app/desk.py:7 tickets",
        "    … 2 frames of org_common",
    ]


def test_other_error_is_told_with_its_causes_and_its_innermost_frame() -> None:
    error = {"type": "ValueError", "message": "a", "stack": OWN, "cause": {"type": "KeyError", "message": "b"}}

    assert headline(error) == ""
    assert cause_lines(error) == [
        "  ValueError: a",
        "    … 2 frames of org_common",
        f"    {OWN[2]}",
        "  caused by",
        "  KeyError: b",
    ]
