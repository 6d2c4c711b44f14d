"""Trace ids: read from wherever they come, written so that others can read them."""

from __future__ import annotations

import pytest

from org_common.telemetry import trace
from org_common.telemetry.trace import span


def test_outside_of_a_request_calls_to_others_take_nothing_along() -> None:
    assert trace.trace_headers() == {}


def test_without_opentelemetry_a_span_does_nothing() -> None:
    with span("render", {"pages": 12}) as one, span("within") as other:
        one.set("more", 1)
        one.rename("paint")
        one.fail("500")

    assert one is other


def test_span_lets_exceptions_through() -> None:
    with pytest.raises(ValueError, match="x"), span("render"):
        raise ValueError("x")
