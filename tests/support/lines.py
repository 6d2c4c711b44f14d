"""Log lines as they were written, and stdlib's logging as it was before."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from org_common.telemetry import log, metrics, trace


class Sink:
    """Stands where Lambda's runtime has its way out: `log(line, frame_type=…)`."""

    def __init__(self) -> None:
        self.written: list[tuple[bytes | None, str]] = []

    def log(self, line: str, frame_type: bytes | None = None) -> None:
        self.written.append((frame_type, line))

    def log_error(self, message_lines: list[str]) -> None:
        raise AssertionError(message_lines)

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for _, line in self.written]


@contextmanager
def untouched_logging() -> Iterator[None]:
    """No handlers, as in a new process; whatever is done to stdlib's logging in the block is undone.

    Metrics that earlier tests recorded outside of requests are dropped: they would be part of the next request line,
    and of lines of their own when there are more than a hundred values.
    """
    metrics.merge_pending(into={})
    root = logging.getLogger()
    handlers, level, converter = root.handlers[:], root.level, logging.Formatter.converter
    filters = {id(handler): handler.filters[:] for handler in handlers}
    root.handlers.clear()
    log.unconfigure()
    try:
        yield
    finally:
        log.unconfigure()
        trace.tracer = None
        root.handlers[:] = handlers
        root.setLevel(level)
        logging.Formatter.converter = converter
        for handler in handlers:
            handler.filters[:] = filters[id(handler)]
