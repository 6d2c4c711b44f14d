"""Compression: which coding a caller gets, and which bodies are compressed."""

import gzip
from typing import Any

import brotli  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from org_common import PUBLIC, App, Response
from org_common.http.compress import choose_coding, compress_body
from org_common.testing.client import Answer, Client

LONG = {"text": "a long text that repeats itself " * 100}


def respond(result: Any, *, accept: str | None = "gzip", **options: Any) -> Answer:
    app = App("compressed", **options)
    app.post("/", allow=PUBLIC)(lambda: result)
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
    assert choose_coding(accept) == coding


@given(st.text())
def test_any_accept_encoding_is_read(accept: str) -> None:
    assert choose_coding(accept) in {None, "gzip", "br"}


@given(st.binary())
def test_compressed_body_decompresses_to_the_same_bytes(body: bytes) -> None:
    assert gzip.decompress(compress_body(body, "gzip")) == body
    assert brotli.decompress(compress_body(body, "br")) == body


def test_long_response_is_compressed() -> None:
    response = respond(LONG)

    assert (response.headers["content-encoding"], response.headers["vary"]) == ("gzip", "accept-encoding")
    assert len(response.body) < 1024 < len(gzip.decompress(response.body))


def test_vary_is_set_without_compression_too() -> None:
    response = respond(LONG, accept=None)

    assert response.json() == LONG
    assert response.headers["vary"] == "accept-encoding"
    assert "content-encoding" not in response.headers


@pytest.mark.parametrize(
    ("result", "options"),
    [
        ({"text": "short"}, {}),
        (LONG, {"compress": False}),
        (Response(b"a" * 2000, headers={"content-type": "image/png"}), {}),
        (Response(b"a" * 2000), {}),
        (Response(b"a" * 2000, headers={"content-type": "text/plain", "content-encoding": "zstd"}), {}),
        (Response(b"a" * 2000, headers={"content-type": "text/plain", "cache-control": "no-transform"}), {}),
        (Response(b"a" * 2000, headers={"content-type": "text/plain", "cache-control": "No-Transform"}), {}),
    ],
    ids=["short", "switched off", "picture", "untyped", "compressed already", "no-transform", "in another case"],
)
def test_other_responses_are_not_compressed(result: Any, options: dict[str, Any]) -> None:
    assert respond(result, **options).headers.get("content-encoding") in {None, "zstd"}


def test_long_problem_is_compressed() -> None:
    app = App("compressed")
    app.get("/", allow=PUBLIC)(lambda: None)

    response = Client(app).send(
        "GET", "/", query="&".join(f"p{number}=1" for number in range(40)), headers={"accept-encoding": "gzip"}
    )

    assert (response.status, response.headers["content-encoding"]) == (422, "gzip")
