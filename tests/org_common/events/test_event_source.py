"""What the event sources share: the size of a response."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from org_common import ALB, HTTP_API, REST_API, Response
from org_common.events import event_source
from org_common.events import http_api as gateway
from org_common.events.alb import LIMIT_BYTES as ALB_LIMIT_BYTES
from org_common.events.event_source import LIMIT_BYTES, SURELY_FITS_ANYWHERE_BYTES, SURELY_FITS_BYTES
from org_common.values.errors import ResponseTooLarge

if TYPE_CHECKING:
    from org_common.events.event_source import EventSource


@pytest.mark.runtime
@pytest.mark.skipif(sys.platform != "linux", reason="AWS's runtime client is for Linux")
@pytest.mark.parametrize("body", [b"{}", b'{"a": "\xc3\xa9 \xf0\x9f\x98\x80 \\u0000"}', b"\xff\x00", b"\x00\x1f\x7f\n"])
def test_size_is_that_of_what_the_runtime_client_writes(body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    marshaller = pytest.importorskip("awslambdaric.lambda_runtime_marshaller")
    monkeypatch.setenv("AWS_EXECUTION_ENV", f"AWS_Lambda_python3.{sys.version_info.minor}")
    response_event = gateway.to_event(Response(body, headers={"x-name": "é"}, cookies=["a=1"]))

    assert event_source.size_bytes(response_event) == len(marshaller.to_json(response_event).encode())


LETTERS = [pytest.param("\0", id="control"), pytest.param("é", id="2 bytes"), pytest.param("😀", id="4 bytes")]


# regression: a million emoji were not measured; they took 12 MB before Python 3.12, and Lambda refused the response.
@pytest.mark.parametrize("letter", LETTERS)
@pytest.mark.parametrize(
    ("source", "limit_bytes", "letters"),
    [(HTTP_API, LIMIT_BYTES, 999_999), (REST_API, LIMIT_BYTES, 999_999), (ALB, ALB_LIMIT_BYTES, 166_665)],
    ids=repr,
)
def test_response_within_the_limit_or_refused(source: EventSource, limit_bytes: int, letters: int, letter: str) -> None:
    try:
        response_event = source.to_event(Response((letter * letters).encode()), {})
    except ResponseTooLarge:
        return

    assert event_source.size_bytes(response_event) <= limit_bytes


@pytest.mark.parametrize("letter", LETTERS)
@pytest.mark.parametrize(
    ("surely_fits_bytes", "limit_bytes"),
    [(SURELY_FITS_BYTES, LIMIT_BYTES), (SURELY_FITS_ANYWHERE_BYTES, ALB_LIMIT_BYTES)],
)
def test_body_that_is_not_measured_fits_in_any_case(letter: str, surely_fits_bytes: int, limit_bytes: int) -> None:
    size_bytes = len(json.dumps(letter * (surely_fits_bytes // len(letter.encode()))))

    assert size_bytes <= limit_bytes - 100_000
