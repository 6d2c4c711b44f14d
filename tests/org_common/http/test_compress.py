"""Bodies in a coding: when it is wanted, when it is worth it."""

import gzip
from typing import Any

import brotli  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from org_common import PUBLIC, App, Response
from org_common.http.compress import chosen, packed
from org_common.testing.client import Answer, Client

LONG = {"text": "a long text that repeats itself " * 100}


def answered(answer: Any, *, accept: str | None = "gzip", **options: Any) -> Answer:
    app = App("coded", **options)
    app.post("/", allow=PUBLIC)(lambda: answer)
    return Client(app).post("/", headers={} if accept is None else {"accept-encoding": accept})


@pytest.mark.parametrize(
    ("accept", "coding"),
    [
        ("", None),
        ("identity", None),
        ("gzip", "gzip"),
        ("GZIP", "gzip"),
        ("deflate", None),
        ("gzip, deflate, br", "br"),
        ("br", "br"),
        ("gzip;q=0.5, br;q=0.4", "gzip"),
        ("br;q=0, gzip;q=0.1", "gzip"),
        ("gzip;q=0", None),
        ("*", "br"),
        ("*;q=0", None),
        ("gzip;q=x", None),
        ("gzip;q=0.5;x=1", None),
        ("br;q=NaN", None),
    ],
)
def test_best_accepted_coding_is_chosen(accept: str, coding: str | None) -> None:
    assert chosen(accept) == coding


@given(st.text())
def test_any_header_is_read(accept: str) -> None:
    assert chosen(accept) in {None, "gzip", "br"}


@given(st.binary())
def test_packed_is_the_same_body(body: bytes) -> None:
    assert gzip.decompress(packed(body, "gzip")) == body
    assert brotli.decompress(packed(body, "br")) == body


def test_long_answer_is_packed() -> None:
    answer = answered(LONG)

    assert (answer.headers["content-encoding"], answer.headers["vary"]) == ("gzip", "accept-encoding")
    assert len(answer.body) < 1024 < len(gzip.decompress(answer.body))


def test_caches_know_that_another_caller_gets_other_bytes() -> None:
    answer = answered(LONG, accept=None)

    assert answer.json() == LONG
    assert answer.headers["vary"] == "accept-encoding"
    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize(
    ("answer", "options"),
    [
        ({"text": "short"}, {}),
        (LONG, {"compress": False}),
        (Response(b"a" * 2000, headers={"content-type": "image/png"}), {}),
        (Response(b"a" * 2000), {}),
        (Response(b"a" * 2000, headers={"content-type": "text/plain", "content-encoding": "zstd"}), {}),
        (Response(b"a" * 2000, headers={"content-type": "text/plain", "cache-control": "no-transform"}), {}),
        (Response(b"a" * 2000, headers={"content-type": "text/plain", "cache-control": "No-Transform"}), {}),
    ],
    ids=["short", "switched off", "picture", "untyped", "coded already", "not to be touched", "in another case"],
)
def test_other_answers_stay_as_they_are(answer: Any, options: dict[str, Any]) -> None:
    assert answered(answer, **options).headers.get("content-encoding") in {None, "zstd"}


def test_problem_that_is_long_is_packed_too() -> None:
    app = App("coded")
    app.get("/", allow=PUBLIC)(lambda: None)

    answer = Client(app).send(
        "GET", "/", query="&".join(f"p{at}=1" for at in range(40)), headers={"accept-encoding": "gzip"}
    )

    assert (answer.status, answer.headers["content-encoding"]) == (422, "gzip")
