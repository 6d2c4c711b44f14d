"""Spans by the real SDK of OpenTelemetry, into its memory. It takes one provider for the life of a process."""

from __future__ import annotations

from opentelemetry import trace as api
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

_EXPORTER = InMemorySpanExporter()
_PROVIDER = TracerProvider()
_PROVIDER.add_span_processor(SimpleSpanProcessor(_EXPORTER))


def record() -> None:
    """From here on, with none recorded so far."""
    if api.get_tracer_provider() is not _PROVIDER:
        api.set_tracer_provider(_PROVIDER)
    _EXPORTER.clear()


def finished() -> dict[str, ReadableSpan]:
    return {each.name: each for each in _EXPORTER.get_finished_spans()}
