"""A request's line in a terminal is one line, whatever path the caller sent."""

import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from org_common.http.request import Request
from org_common.telemetry.invocation import Invocation
from org_common.telemetry.redaction import Redactor
from org_common.telemetry.request_text import MAX_PATH_LENGTH, request_text
from org_common.telemetry.trace_context import Trace
from org_common.values.types import Deadline

LINE = re.compile(r"\d\d:\d\d:\d\d INFO     GET (.*) 404 unknown_route  0\.1 ms, 174 bytes\n")


def shown(path: str) -> str:
    sent = Request("GET", path, path, "", {}, b"", "r", None, Deadline.after(1))
    invocation = Invocation({"request_id": "r"}, Trace("1" * 32))
    line = request_text(sent, invocation, Redactor(), outcome="404 unknown_route", took_ms=0.1, size=174)
    found = LINE.fullmatch(line)
    assert found is not None
    return found[1]


@pytest.mark.parametrize(
    "sent",
    [
        *("/%1b%5b31mRED%1b%5b0m%0aFAKE%20INFO%20GET%20/x%20200", "/%c2%9b2J", "/a%0d12:00:00", "/%e2%80%a8x", "/%7f"),
        *("/%e2%80%aetxt.exe", "/%1b]0;title%07", "/%1b]8;;http://x%1b%5c", "/%f3%a0%80%81", "/%00", "/%08%08", "/%85"),
    ],
)
def test_path_cannot_drive_the_terminal_or_begin_a_line(sent: str) -> None:
    path = shown(unquote(sent))

    assert path.isprintable()
    assert path.startswith("/")


@given(st.text())
def test_any_path_is_one_line(path: str) -> None:
    assert len(shown(f"/{path}").splitlines()) == 1


def test_path_is_masked_and_cut() -> None:
    assert shown("/invites/token=hunter2") == "/invites/token=***"
    assert len(shown("/" + "a b" * 1000)) == MAX_PATH_LENGTH + 1


def test_failure_names_its_request() -> None:
    invocation = Invocation({"request_id": "r-1"}, Trace("1" * 32))
    invocation.database_round_trips, invocation.database_ms = 2, 5.04

    line = request_text(None, invocation, Redactor(), outcome="500", took_ms=7.0, size=0)

    assert line.endswith(" INFO     event 500  7.0 ms, 2 round trips 5.0 ms, 0 bytes  request_id=r-1\n")
