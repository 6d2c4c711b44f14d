"""Trace ids read from headers, and passed on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from org_common.telemetry import trace
from org_common.telemetry.invocation import Invocation, current
from org_common.telemetry.trace_context import Trace, from_traceparent, from_xray

ID, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


XRAY_ID, XRAY_PARENT = "5759e988bd862e3fe1be46a994272793", "53995c3f42cd8ad8"


XRAY = f"Root=1-{XRAY_ID[:8]}-{XRAY_ID[8:]};Parent={XRAY_PARENT};Sampled=1;Lineage=25:a87bd80c:1|68fd508a:5"


W3C = f"00-{ID}-{PARENT}-01"


@pytest.mark.parametrize(
    ("text", "sampled"),
    [(W3C, True), (f"00-{ID}-{PARENT}-00", False), (f"00-{ID}-{PARENT}-03", True), (f"cc-{ID}-{PARENT}-01-more", True)],
)
def test_traceparent_is_read(text: str, sampled: bool) -> None:
    found = from_traceparent(text)

    assert found is not None
    assert (found.trace_id, found.parent_id, found.sampled) == (ID, PARENT, sampled)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "-",
            "00",
            W3C.upper(),
            f" {W3C}",
            f"{W3C}\n",
            f"{W3C}-more",
            f"ff-{ID}-{PARENT}-01",
            f"0-{ID}-{PARENT}-01",
        ),
        *(f"00-{'0' * 32}-{PARENT}-01", f"00-{ID}-{'0' * 16}-01", f"00-{ID[1:]}-{PARENT}-01", f"00-{ID}-{PARENT}-1"),
        *(f"00-{ID[:-1]}g-{PARENT}-01", f"00-{ID}-{PARENT}-zz", "a" * 10_000, f"00-{'٣' * 32}-{PARENT}-01"),
    ],
)
def test_what_is_no_traceparent_is_none(text: str) -> None:
    assert from_traceparent(text) is None


@pytest.mark.parametrize(
    ("text", "parent", "sampled"),
    [
        (XRAY, XRAY_PARENT, True),
        (f"Sampled=0; Root=1-{XRAY_ID[:8]}-{XRAY_ID[8:]}", None, False),
        (f"Self=1-1-1;Root=1-{XRAY_ID[:8]}-{XRAY_ID[8:]};Sampled=?", None, None),
        (f"Root=1-{XRAY_ID[:8]}-{XRAY_ID[8:]};Parent=nothing", None, None),
    ],
)
def test_header_of_xray_is_read(text: str, parent: str | None, sampled: bool | None) -> None:
    found = from_xray(text)

    assert found is not None
    assert (found.trace_id, found.parent_id, found.sampled) == (XRAY_ID, parent, sampled)


@pytest.mark.parametrize("text", ["", "Root", "Root=", "Root=1-2-3", f"Root=2-{XRAY_ID[:8]}-{XRAY_ID[8:]}", ";;=;="])
def test_what_is_no_header_of_xray_is_none(text: str) -> None:
    assert from_xray(text) is None


@given(st.text() | st.from_regex(r"Root=1-[0-9a-f]{0,9}-?.*"), st.text() | st.from_regex(r"00-[0-9a-f]{30,34}-.*"))
def test_whatever_is_sent_there_is_a_trace(xray: str, w3c: str) -> None:
    found = Trace.of({"x-amzn-trace-id": xray, "traceparent": w3c}, {})

    assert from_traceparent(found.traceparent(PARENT)) is not None
    assert from_xray(found.xray(PARENT)) is not None


def test_lambda_s_own_trace_comes_first_and_the_caller_s_is_kept() -> None:
    found = Trace.of({"traceparent": W3C}, {"_X_AMZN_TRACE_ID": XRAY})

    assert (found.trace_id, found.caller_id) == (XRAY_ID, ID)


def test_the_same_trace_by_both_names_is_one() -> None:
    found = Trace.of({"traceparent": f"00-{XRAY_ID}-{PARENT}-01"}, {"_X_AMZN_TRACE_ID": XRAY})

    assert (found.trace_id, found.caller_id) == (XRAY_ID, None)


@pytest.mark.parametrize(
    ("fields", "parent", "sampled"),
    [("", PARENT, True), (";Sampled=0", PARENT, False), (f";Parent={XRAY_PARENT}", XRAY_PARENT, None)],
)
def test_the_same_trace_by_both_names_has_a_parent(fields: str, parent: str, sampled: bool | None) -> None:
    found = Trace.of(
        {"traceparent": f"00-{XRAY_ID}-{PARENT}-01", "x-amzn-trace-id": f"Root=1-{XRAY_ID[:8]}-{XRAY_ID[8:]}{fields}"},
        {},
    )

    assert (found.trace_id, found.parent_id, found.sampled) == (XRAY_ID, parent, sampled)


@pytest.mark.parametrize(
    ("headers", "is_continued"),
    [({}, False), ({"x-amzn-trace-id": f"Root=1-{XRAY_ID[:8]}-{XRAY_ID[8:]}"}, True), ({"traceparent": W3C}, True)],
)
def test_a_trace_of_a_header_goes_on(headers: dict[str, str], is_continued: bool) -> None:
    assert Trace.of(headers, {}).is_continued is is_continued


def test_elsewhere_the_caller_s_trace_goes_on() -> None:
    assert Trace.of({"traceparent": W3C}, {}).trace_id == ID
    assert Trace.of({"x-amzn-trace-id": XRAY}, {}).trace_id == XRAY_ID


@pytest.mark.parametrize("headers", [{}, {"traceparent": "nonsense"}, {"x-amzn-trace-id": "nonsense"}])
def test_without_one_a_trace_begins(headers: dict[str, str]) -> None:
    first, second = Trace.of(headers, {}), Trace.of(headers, {})

    assert first.trace_id != second.trace_id
    assert from_traceparent(first.traceparent(PARENT)) is not None


def test_calls_to_others_take_both_headers_along() -> None:
    token = current.set(Invocation({}, Trace.of({}, {"_X_AMZN_TRACE_ID": XRAY})))

    headers = trace.trace_headers()

    current.reset(token)
    assert headers == {
        "traceparent": f"00-{XRAY_ID}-{XRAY_PARENT}-01",
        "x-amzn-trace-id": XRAY.partition(";Lineage")[0],
    }


def test_where_a_trace_begins_calls_to_others_name_a_span_of_ours() -> None:
    token = current.set(Invocation({}, Trace(ID)))

    first, second = trace.trace_headers(), trace.trace_headers()

    current.reset(token)
    found = from_traceparent(first["traceparent"])
    assert found is not None
    assert (found.trace_id, found.sampled) == (ID, False)
    assert first["traceparent"] != second["traceparent"]
    assert "Sampled" not in first["x-amzn-trace-id"]
