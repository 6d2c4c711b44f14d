"""Structured logging on stdlib `logging`: JSON lines with the fields of the request, without secrets.

Log as usual, with `logging` and `extra`. This module has the one handler that writes all lines.
"""

from __future__ import annotations

import logging
import os
import sys
from collections import deque
from collections.abc import Callable, Sequence

from org_common.telemetry import observability
from org_common.telemetry.attachment import MASKED, Attachment, MaskingHandler
from org_common.telemetry.invocation import current
from org_common.telemetry.line import clock, dumps, stamp, visible

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any, Literal, TextIO

    from org_common.telemetry.invocation import Invocation
    from org_common.telemetry.observability import Observability
    from org_common.telemetry.redaction import Redactor

DEBUG_LINES = 100
# The attributes of every record, and those that Lambda's filter, asyncio and uvicorn add.
_STANDARD = {
    *vars(logging.LogRecord("", 0, "", 0, "", None, None)),
    *("message", "asctime", "taskName", "aws_request_id", "tenant_id", "_frame_type", "color_message"),
    MASKED,
}
_HEAD = frozenset({"timestamp", "level", "message", "logger", "error", "_aws"})
# Fields of the request line. `tenant` and `user` are missing, as the program may bind better values.
OWN_FIELDS = _HEAD | {
    *("function", "request_id", "lambda_request_id", "trace_id", "caller_trace_id"),
    *("route", "path", "status", "code", "stream", "init_type", "init_ahead"),
}
# Loggers of `get_logger`, whose debug lines are buffered. Those of other libraries would print headers and bodies.
_debug_loggers: set[str] = {"org_common"}
# Loggers whose level was set here.
_leveled: set[str] = set()
_handler: Handler | None = None
_attachment: Attachment | None = None


def get_logger(name: str) -> logging.Logger:
    """A stdlib logger with buffered debug lines: they are written if the request fails, or is sampled.

    `logger.info("order placed", extra={"order_id": order.id})`: each key of `extra` is a field of the line.
    """
    logger = logging.getLogger(name)
    _debug_loggers.add(name)
    if _handler is not None:
        _enable_debug(logger, _handler)
    return logger


def bind_fields(**fields: object) -> None:
    """Add fields to all following lines of this request. No effect outside of one; `ValueError` for an SDK name."""
    invocation = current.get()
    if invocation is None:
        return
    redactor = _create_redactor() if _handler is None else _handler.redactor
    for name, value in fields.items():
        if name in OWN_FIELDS or not name[:1].islower():
            raise ValueError(
                f"{name!r} is not a valid field name: begin with a lower-case letter, as in order_id, and use none of "
                f"the SDK's names {', '.join(sorted(OWN_FIELDS))}"
            )
        invocation.fields[name] = redactor.field(name, value)


class Handler(MaskingHandler):
    """Writes each record as one line, with the fields of its request.

    Records below `level` come only from loggers of `get_logger`. The latest `debug_lines` of them are buffered with
    their request, and written if it fails.
    """

    def __init__(
        self,
        write: Callable[[str, int], None],
        *,
        level: int,
        emails: bool,
        redact: Sequence[str],
        text: bool,
        debug_lines: int,
        debug_sample: float,
    ) -> None:
        """`write` takes a line and its level. The other arguments are those of `configure`."""
        super().__init__()
        self.threshold = level
        self._emails = emails
        self._redact = redact
        self._redactor: Redactor | None = None
        self.text = text
        self.debug_lines = debug_lines
        self.debug_sample = debug_sample
        # The runtime's `context.log` looks up this attribute.
        self.log_sink: object = None
        # The platform may filter by level: it must not drop a line with metrics.
        self.request_level: int = max(level, logging.INFO)
        self._write = write

    @property
    def redactor(self) -> Redactor:
        """Created for the first line that needs it: request lines contain nothing to mask."""
        if self._redactor is None:
            self._redactor = _create_redactor(emails=self._emails, names=self._redact)
        return self._redactor

    def handle(self, record: logging.LogRecord) -> bool:
        """Write the record, or buffer it with its request. True if it was written."""
        if self.filters:
            passed: bool | logging.LogRecord = self.filter(record)
            if not passed:
                return False
            if isinstance(passed, logging.LogRecord):
                # Since Python 3.12 a filter may return another record.
                record = passed
        invocation = current.get()
        if record.levelno < self.threshold:
            if invocation is None:
                return False
            if not invocation.verbose:
                if invocation.kept is None:
                    invocation.kept = deque(maxlen=self.debug_lines)
                invocation.kept.append(record)
                return False
        elif record.levelno >= logging.ERROR and invocation is not None and invocation.kept:
            self.write_kept(invocation)
        self._emit(record, invocation)
        return True

    def write_kept(self, invocation: Invocation) -> None:
        """Write the buffered debug lines of the request, which led to a failure."""
        kept, invocation.kept = invocation.kept, None
        for record in kept or ():
            self._emit(record, invocation)

    def write(self, line: str, level: int) -> None:
        """Write a finished line."""
        self.acquire()
        try:
            self._write(line, level)
        finally:
            self.release()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - stdlib's name
        """Report a line that cannot be written. stdlib's method would print its arguments, including secrets."""
        error_type = type(sys.exc_info()[1]).__name__
        message = f"a log line could not be written: {error_type}"
        fields = {"message": message, "location": f"{record.pathname}:{record.lineno}"}
        line = dumps({"timestamp": stamp(record.created), "level": "ERROR", "logger": record.name, **fields})
        self.write(line, logging.ERROR)

    def _emit(self, record: logging.LogRecord, invocation: Invocation | None) -> None:
        try:
            render = self._as_text if self.text else self._as_json
            bound = _fields_outside(record) if invocation is None else invocation.fields
            self.write(render(record, bound), record.levelno)
        except RecursionError:
            raise
        except Exception:  # noqa: BLE001 - a log line must not break the request that writes it
            self.handleError(record)

    def mask(self, record: logging.LogRecord) -> None:
        """Mask the record in place, for another handler: message, `extra` fields and exception, without values."""
        record.msg, record.args = self._message(record), None
        for name, value in self._extra(record).items():
            setattr(record, name, value)
        error = _error(record)
        if error is not None:
            from org_common.telemetry.cause_text import cause_lines

            # `logging.Formatter` writes this text, and formats the exception only without it.
            record.exc_text = "\n".join(cause_lines(self._described(error)))

    def _as_json(self, record: logging.LogRecord, bound: dict[str, object]) -> str:
        line: dict[str, Any] = {
            "timestamp": stamp(record.created),
            "level": record.levelname,
            "message": self._message(record),
            "logger": record.name,
            **bound,
        }
        for name, value in self._extra(record).items():
            # The SDK's fields take precedence: another field of the same name gets an underscore.
            line[f"{name}_" if name in line or name in _HEAD else name] = value
        error = _error(record)
        if error is not None:
            line["error"] = self._described(error)
        return dumps(line)

    def _as_text(self, record: logging.LogRecord, bound: dict[str, object]) -> str:
        shown = self._extra(record)
        if record.levelno >= logging.ERROR and "request_id" in bound:
            # The response to a failed request has the id too.
            shown["request_id"] = bound["request_id"]
        fields = "".join(f"  {name}={value}" for name, value in shown.items())
        exception = _error(record)
        error = None if exception is None else self._described(exception, sql=True)
        first = f"{clock(record.created)} {record.levelname:<8} {self._message(record)}"
        lines = [f"{first}{fields}"]
        if error is not None:
            from org_common.telemetry.cause_text import cause_lines, headline

            lines = [f"{first}{headline(error)}{fields}", *cause_lines(error)]
        # Only the SDK ends a line: a newline in a value would let a caller forge the next one.
        return "".join([f"{visible(line)}\n" for line in lines])

    def _described(self, error: BaseException, *, sql: bool = False) -> dict[str, Any]:
        from org_common.telemetry.causes import described

        return described(error, self.redactor, sql=sql)

    def _message(self, record: logging.LogRecord) -> Any:
        if isinstance(record.msg, dict) and not record.args:
            return self.redactor.field("", record.msg)
        return self.redactor.text(record.getMessage())

    def _extra(self, record: logging.LogRecord) -> dict[str, Any]:
        field = self.redactor.field
        return {name: field(name, value) for name, value in vars(record).items() if name not in _STANDARD}


def configure(
    *,
    level: str = "INFO",
    form: Literal["json", "text"] = "json",
    debug_lines: int = DEBUG_LINES,
    debug_sample: float = 0.0,
    emails: bool = False,
    redact: Sequence[str] = (),
) -> Handler:
    """Send the lines of all loggers through one handler; another call replaces it.

    In Lambda it replaces the runtime's handler and writes to the same place; elsewhere JSON goes to stdout and text to
    stderr. Other handlers stay, such as Powertools'; those of the root get masked records.

    `level` is the lowest level to write, `form` "json" or "text". `debug_lines` is the number of debug lines to buffer
    for each request, `debug_sample` the share of requests, 0 to 1, whose debug lines are always written. `emails`
    writes e-mail addresses unmasked, `redact` has additional names whose values are masked.
    """
    global _handler, _attachment
    number: int = logging.getLevelNamesMapping()[level]
    root = logging.getLogger()
    replaced = _handler or next((each for each in root.handlers if hasattr(each, "log_sink")), None)
    sink = getattr(replaced, "log_sink", None)
    handler = Handler(
        _stream(form) if sink is None else _sink(sink),
        level=number,
        emails=emails,
        redact=redact,
        text=form == "text",
        debug_lines=debug_lines,
        debug_sample=debug_sample,
    )
    handler.log_sink = sink
    if replaced is not None:
        # Powertools adds a filter to each handler of the root, so that its lines are not written twice.
        handler.filters = replaced.filters
        root.removeHandler(replaced)
    root.addHandler(handler)
    root.setLevel(max(number, logging.INFO))
    if _attachment is not None:
        _attachment.remove()
    _handler, _attachment = handler, Attachment(handler, _debug_loggers)
    for name in _debug_loggers:
        _enable_debug(logging.getLogger(name), handler)
    _attachment.ensure()
    return handler


def ensure_attached() -> None:
    """Let the handler write again after `logging.config`, and mask what new handlers of the root get."""
    if _attachment is not None:
        _attachment.ensure()


def configure_as(how: Observability, form: Literal["json", "text"]) -> Handler:
    """`configure` with the settings of the environment."""
    return configure(
        level=how.level,
        form=form,
        debug_lines=how.debug_lines,
        debug_sample=how.debug_sample,
        emails=how.emails,
        redact=how.redact,
    )


def in_lambda() -> None:
    """Configure logging for a function without an `App`. No effect outside of Lambda."""
    how = observability.read()
    if how.in_lambda and how.form != "off":
        configure_as(how, "text" if how.form == "text" else "json")


def unconfigure() -> None:
    """Remove the handler. For tests."""
    global _handler, _attachment  # noqa: PLW0603
    if _attachment is not None:
        _attachment.remove()
    if _handler is not None:
        logging.getLogger().removeHandler(_handler)
        logging.getLogger().setLevel(logging.WARNING)
        for name in _leveled:
            logging.getLogger(name).setLevel(logging.NOTSET)
        _leveled.clear()
    _handler = _attachment = None


def active() -> Handler | None:
    """The handler of this process, None before `configure`."""
    return _handler


def _create_redactor(*, emails: bool = False, names: Sequence[str] = ()) -> Redactor:
    from org_common.telemetry.redaction import Redactor

    return Redactor(emails=not emails, names=names)


def _enable_debug(logger: logging.Logger, handler: Handler) -> None:
    # A level that the program has set stays.
    if logger.level == logging.NOTSET or logger.name in _leveled:
        _leveled.add(logger.name)
        logger.setLevel(logging.DEBUG if handler.debug_lines or handler.debug_sample else handler.threshold)


def _stream(form: str) -> Callable[[str, int], None]:
    # The stream is looked up for each line: servers and tests replace it.
    if form == "json":
        return lambda line, _: _print(sys.stdout, line)
    return lambda line, _: _print(sys.stderr, line)


def _print(stream: TextIO, line: str) -> None:
    stream.write(line)
    stream.flush()


def _sink(sink: Any) -> Callable[[str, int], None]:
    """Write to Lambda's log sink: one frame for each line, with its level if the platform filters by level."""
    is_json = os.environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON"
    if not (is_json or os.environ.get("AWS_LAMBDA_LOG_LEVEL")):
        return lambda line, _: sink.log(line)
    return lambda line, level: sink.log(line, frame_type=frame(level, is_json=is_json))


def frame(level: int, *, is_json: bool) -> bytes:
    """The type of a frame in Lambda's log protocol: 0xa55a, then the level and whether the line is JSON."""
    step = min(level, logging.CRITICAL) // 10
    return (0xA55A0000 + (4 * (step + 1) if step > 0 else 0) + (2 if is_json else 3)).to_bytes(4, "big")


def _fields_outside(record: logging.LogRecord) -> dict[str, object]:
    """The fields of a line outside of a request: the invocation, which Lambda's filter adds to the record."""
    invocation_id = getattr(record, "aws_request_id", None)
    return {"lambda_request_id": invocation_id} if invocation_id else {}


def _error(record: logging.LogRecord) -> BaseException | None:
    return record.exc_info[1] if record.exc_info else None
