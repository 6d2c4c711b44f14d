"""Spans by the real SDK of OpenTelemetry, into its memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from opentelemetry import context
from opentelemetry import trace as api
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

from org_common.telemetry import trace
from org_common.telemetry.invocation import Invocation, current
from org_common.telemetry.otel import OpenTelemetry
from org_common.telemetry.trace import span
from org_common.telemetry.trace_context import Trace
from tests.support.spans import finished, record

ID, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture(autouse=True)
def _traced() -> Iterator[None]:
    record()
    trace.tracer = OpenTelemetry()
    yield
    trace.tracer = None


def test_spans_lie_within_each_other() -> None:
    with span("outer") as outer, span("inner", {"pages": 12}, kind="client"):
        outer.set("late", True)

    spans = finished()
    assert spans["inner"].parent is not None
    assert spans["inner"].parent.span_id == spans["outer"].context.span_id
    assert spans["inner"].kind is api.SpanKind.CLIENT
    assert (dict(spans["inner"].attributes or {}), dict(spans["outer"].attributes or {})) == (
        {"pages": 12},
        {"late": True},
    )


def test_exception_ends_a_span_in_error_without_its_words() -> None:
    with pytest.raises(ValueError, match="hunter2"), span("render"):
        raise ValueError("hunter2")

    [made] = finished().values()
    assert made.status.status_code is api.StatusCode.ERROR
    assert "hunter2" not in made.to_json()
    assert (made.attributes or {})["error.type"] == "ValueError"


@pytest.mark.parametrize("sampled", [True, None])
def test_request_s_span_is_below_the_caller_s(sampled: bool | None) -> None:
    assert trace.tracer is not None
    traced = Trace(ID, PARENT, sampled=sampled)

    with trace.tracer.begin("request", traced), span("within"):
        pass

    spans = finished()
    assert {format(each.context.trace_id, "032x") for each in spans.values()} == {ID}
    assert spans["request"].parent is not None
    assert format(spans["request"].parent.span_id, "016x") == PARENT
    assert traced.sampled is True


def test_request_that_the_caller_does_not_sample_is_not_recorded() -> None:
    assert trace.tracer is not None

    with trace.tracer.begin("request", Trace(ID, PARENT, sampled=False)):
        pass

    assert finished() == {}


def test_span_links_to_a_caller_in_another_trace() -> None:
    """Lambda's own trace takes precedence over that of the message's sender."""
    assert trace.tracer is not None
    other = f"Root=1-{'5' * 8}-{'a' * 24};Parent={'c' * 16};Sampled=1"
    traced = Trace.of({"traceparent": f"00-{ID}-{PARENT}-01"}, {"_X_AMZN_TRACE_ID": other})

    with trace.tracer.begin("request", traced), span("within"):
        pass

    spans = finished()
    [link] = spans["request"].links
    assert (format(link.context.trace_id, "032x"), format(link.context.span_id, "016x")) == (ID, PARENT)
    assert link.context.is_remote
    assert format(spans["request"].context.trace_id, "032x") == "5" * 8 + "a" * 24
    assert not spans["within"].links


def test_new_trace_gets_opentelemetry_s_id() -> None:
    assert trace.tracer is not None
    traced = Trace(ID)

    with trace.tracer.begin("request", traced):
        pass

    assert format(finished()["request"].context.trace_id, "032x") == traced.trace_id != ID


ROOT = f"Root=1-{ID[:8]}-{ID[8:]}"
FIELDS = st.permutations([ROOT, f"Parent={PARENT}", "Self=1-67891234-12456789abcdef012345678", "Lineage=25:a87bd80c:1"])


@given(
    fields=FIELDS,
    count=st.integers(1, 4),
    sampled=st.sampled_from(["", "Sampled=0", "Sampled=1", "Sampled=?"]),
    separator=st.sampled_from([";", "; "]),
    by=st.sampled_from(["header", "variable"]),
)
@example([ROOT], 1, "", ";", "header")  # as a load balancer sends it
@example([ROOT], 1, "Sampled=0", ";", "header")
@example(["Self=1-67891234-12456789abcdef012345678", ROOT], 2, "", ";", "header")  # a second load balancer
@example([ROOT], 1, "Sampled=1", ";", "variable")
def test_trace_of_xray_goes_on_with_any_of_its_fields(
    fields: list[str], count: int, sampled: str, separator: str, by: str
) -> None:
    record()
    sent = [*(each for each in fields[:count] if each != ROOT), ROOT, *([sampled] if sampled else [])]
    text = separator.join(sent)
    traced = Trace.of({"x-amzn-trace-id": text}, {}) if by == "header" else Trace.of({}, {"_X_AMZN_TRACE_ID": text})
    assert trace.tracer is not None
    with trace.tracer.begin("request", traced), span("within"):
        pass

    assert traced.trace_id == ID
    # Without a decision of the caller, that of the sampler: this one records everything.
    assert traced.sampled is (sampled != "Sampled=0")
    spans = finished()
    assert set(spans) == (set() if sampled == "Sampled=0" else {"request", "within"})
    for each in spans.values():
        assert format(each.context.trace_id, "032x") == ID
    if spans:
        parent = spans["request"].parent
        assert parent is not None
        assert format(parent.span_id, "016x") == (PARENT if f"Parent={PARENT}" in sent else ID[16:])


@pytest.mark.parametrize("low", ["0" * 16, "0" * 15 + "1"])
def test_any_root_goes_on(low: str) -> None:
    root = f"{ID[:16]}{low}"
    traced = Trace.of({"x-amzn-trace-id": f"Root=1-{root[:8]}-{root[8:]}"}, {})
    assert trace.tracer is not None
    with trace.tracer.begin("request", traced):
        pass

    assert format(finished()["request"].context.trace_id, "032x") == traced.trace_id == root


@pytest.mark.parametrize("share", [0.0, 1.0])
@pytest.mark.parametrize("sampled", ["", ";Sampled=0", ";Sampled=1"])
@pytest.mark.parametrize("parent", ["", f";Parent={PARENT}"])
def test_sampler_decides_where_the_caller_did_not(share: float, sampled: str, parent: str) -> None:
    provider = TracerProvider(sampler=ParentBased(TraceIdRatioBased(share)))
    tracer = OpenTelemetry(lambda: provider)
    tracer._tracer = provider.get_tracer("org_common")
    traced = Trace.of({"x-amzn-trace-id": f"{ROOT}{parent}{sampled}"}, {})
    with tracer.begin("request", traced):
        pass

    assert traced.trace_id == ID
    assert traced.sampled is (share == 1.0 if sampled == "" else sampled == ";Sampled=1")


def test_request_within_a_span_of_others_is_a_part_of_it() -> None:
    assert trace.tracer is not None
    traced = Trace(ID, PARENT, sampled=True)

    with api.get_tracer("wrapper").start_as_current_span("lambda"), trace.tracer.begin("request", traced):
        pass

    spans = finished()
    assert spans["request"].parent is not None
    assert spans["request"].parent.span_id == spans["lambda"].context.span_id
    assert traced.trace_id == format(spans["lambda"].context.trace_id, "032x")


def test_calls_to_others_name_the_open_span() -> None:
    traced = Trace(ID, PARENT, sampled=True)
    token = current.set(Invocation({}, traced))
    assert trace.tracer is not None

    with trace.tracer.begin("request", traced), span("call"):
        headers = trace.trace_headers()

    current.reset(token)
    assert headers["traceparent"] == f"00-{ID}-{finished()['call'].context.span_id:016x}-01"


def test_after_the_block_no_span_is_open() -> None:
    before = context.get_current()

    with span("render"):
        pass

    assert context.get_current() == before
    assert trace.tracer is not None
    assert trace.tracer.span_id() is None


class Provider:
    """A tracer provider whose exporter gets a response when the test allows it."""

    def __init__(self) -> None:
        self.answered = threading.Event()
        self.flushed = 0

    def force_flush(self, timeout_millis: int) -> None:
        self.flushed += 1
        self.answered.wait(10)


@pytest.fixture
def provider() -> Iterator[Provider]:
    provider = Provider()
    yield provider
    provider.answered.set()


def test_what_is_waiting_has_been_sent_after_a_flush(provider: Provider) -> None:
    tracer = OpenTelemetry(lambda: provider)
    provider.answered.set()

    for _ in range(2):
        tracer.flush(5.0)

    assert provider.flushed == 2


def test_flush_ends_in_time_and_goes_on_once(provider: Provider) -> None:
    """Of the SDK's batches: an exporter that is not answered holds `force_flush` whatever its timeout."""
    tracer = OpenTelemetry(lambda: provider)
    began_s = time.monotonic()

    for _ in range(3):
        tracer.flush(0.1)

    assert 0.3 <= time.monotonic() - began_s < 10
    assert provider.flushed == 1
    provider.answered.set()
    tracer.flush(5.0)
    assert provider.flushed == 2


def test_flush_without_time_does_not_begin(provider: Provider) -> None:
    OpenTelemetry(lambda: provider).flush(-1.0)

    assert provider.flushed == 0


def test_flush_that_fails_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    class Failing(Provider):
        def force_flush(self, timeout_millis: int) -> None:
            raise ZeroDivisionError

    OpenTelemetry(Failing).flush(5.0)

    assert caplog.messages == ["spans could not be sent"]
