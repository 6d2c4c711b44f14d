"""Log lines: JSON on stdlib logging, with what is known of the request, without secrets.

Write them as always, with `logging` and `extra`. This is the handler that they all end in.
"""

from __future__ import annotations

import logging
import os
import sys
from collections import deque
from collections.abc import Callable, Sequence

from org_common.telemetry import observability
from org_common.telemetry.invocation import current
from org_common.telemetry.line import clock, dumps, stamp

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any, Literal, TextIO

    from org_common.telemetry.invocation import Invocation
    from org_common.telemetry.observability import Observability
    from org_common.telemetry.redaction import Redactor

DEBUG_LINES = 100
# What a record has before anyone adds to it, and what Lambda's filter, asyncio and uvicorn add.
_STANDARD = {
    *vars(logging.LogRecord("", 0, "", 0, "", None, None)),
    *("message", "asctime", "taskName", "aws_request_id", "tenant_id", "_frame_type", "color_message"),
}
_HEAD = frozenset({"timestamp", "level", "message", "logger", "error", "_aws"})
# Of the request's line; `tenant` and `user` may be bound by whoever knows better.
OWN_FIELDS = _HEAD | {
    *("function", "request_id", "lambda_request_id", "trace_id", "caller_trace_id"),
    *("route", "path", "status", "code", "init_type", "init_ahead"),
}
# Those of `get_logger`: their debug lines are the program's own. Other libraries' print headers and bodies.
_opened: set[str] = {"org_common"}
_leveled: set[str] = set()
_handler: Handler | None = None


def get_logger(name: str) -> logging.Logger:
    """A logger of stdlib whose debug lines are not lost: they come out when the request fails, or is sampled.

    `logger.info("order placed", extra={"order_id": order.id})`: each key of `extra` is a field of the line.
    """
    logger = logging.getLogger(name)
    _opened.add(name)
    if _handler is not None:
        _open(logger, _handler)
    return logger


def bind_fields(**fields: object) -> None:
    """Add fields to all further lines of this request, and to its metrics' line. Outside of a request: nothing."""
    invocation = current.get()
    if invocation is None:
        return
    redactor = _made_redactor() if _handler is None else _handler.redactor
    for name, value in fields.items():
        if name in OWN_FIELDS or not name[:1].islower():
            raise ValueError(
                f"a field cannot be called {name!r}: names begin with a small letter, as `order_id` does, and "
                f"{', '.join(sorted(OWN_FIELDS))} are the SDK's own"
            )
        invocation.fields[name] = redactor.field(name, value)


class Handler(logging.Handler):
    """Writes each record as one line, with the fields of its request.

    Lines below `level` come from the loggers of `get_logger` only. They are kept with their request, the latest
    `debug_lines` of them, until something fails.
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
        super().__init__()
        self.threshold = level
        self._emails = emails
        self._redact = redact
        self._redactor: Redactor | None = None
        self.text = text
        self.debug_lines = debug_lines
        self.debug_sample = debug_sample
        # The runtime's `context.log` looks for it.
        self.log_sink: object = None
        # Where the platform filters by level, a line that holds metrics must not fall through.
        self.request_level = max(level, logging.INFO)
        self._write = write

    @property
    def redactor(self) -> Redactor:
        """Made at the first line that needs it: those of requests hold nothing that could be masked."""
        if self._redactor is None:
            self._redactor = _made_redactor(emails=self._emails, names=self._redact)
        return self._redactor

    def handle(self, record: logging.LogRecord) -> bool:
        if self.filters:
            passed: bool | logging.LogRecord = self.filter(record)
            if not passed:
                return False
            if isinstance(passed, logging.LogRecord):
                # Since Python 3.12 a filter may put another in its place.
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
        """What led to a failure: the debug lines of the request so far."""
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
        """A line that cannot be written says so. stdlib's own would print its arguments, secrets and all."""
        kind = type(sys.exc_info()[1]).__name__
        said = {"message": f"a log line could not be written: {kind}", "location": f"{record.pathname}:{record.lineno}"}
        import orjson

        line = orjson.dumps({"timestamp": stamp(record.created), "level": "ERROR", "logger": record.name, **said})
        self.write(line.decode() + "\n", logging.ERROR)

    def _emit(self, record: logging.LogRecord, invocation: Invocation | None) -> None:
        try:
            make = self._as_text if self.text else self._as_json
            self.write(make(record, _outside(record) if invocation is None else invocation.fields), record.levelno)
        except RecursionError:
            raise
        except Exception:  # noqa: BLE001 - a log line must not break the request that writes it
            self.handleError(record)

    def _as_json(self, record: logging.LogRecord, bound: dict[str, object]) -> str:
        line: dict[str, Any] = {
            "timestamp": stamp(record.created),
            "level": record.levelname,
            "message": self._message(record),
            "logger": record.name,
            **bound,
        }
        for name, value in self._extra(record).items():
            # What the SDK says stands: a field of the same name comes beside it.
            line[f"{name}_" if name in line or name in _HEAD else name] = value
        error = _error(record)
        if error is not None:
            line["error"] = self._described(error)
        return dumps(line)

    def _as_text(self, record: logging.LogRecord, bound: dict[str, object]) -> str:
        shown = self._extra(record)
        if record.levelno >= logging.ERROR and "request_id" in bound:
            # The answer of a fault names its entry by the id.
            shown["request_id"] = bound["request_id"]
        fields = "".join(f"  {name}={value}" for name, value in shown.items())
        lines = [f"{clock(record.created)} {record.levelname:<8} {self._message(record)}{fields}"]
        error = _error(record)
        if error is not None:
            lines += _told(self._described(error))
        return "\n".join(lines).translate(_CONTROL) + "\n"

    def _described(self, error: BaseException) -> dict[str, Any]:
        from org_common.telemetry.causes import described

        return described(error, self.redactor)

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
    """Send the lines of all loggers through one handler; called again, it changes how.

    In Lambda it takes the place of the runtime's own handler and writes where that wrote; elsewhere JSON goes to
    stdout and text to stderr. `emails` lets e-mail addresses through, `redact` are further names whose values are
    masked. Handlers of others, Powertools' among them, stay as they are.
    """
    global _handler  # noqa: PLW0603 - stdlib's logging is one for the process, and so is this
    number: int = logging.getLevelNamesMapping()[level]
    root = logging.getLogger()
    before = _handler or next((each for each in root.handlers if hasattr(each, "log_sink")), None)
    sink = getattr(before, "log_sink", None)
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
    if before is not None:
        # Powertools puts a filter on each handler of the root, so that its lines do not come twice.
        handler.filters = before.filters
        root.removeHandler(before)
    root.addHandler(handler)
    root.setLevel(max(number, logging.INFO))
    _handler = handler
    for name in _opened:
        _open(logging.getLogger(name), handler)
    return handler


def configure_as(how: Observability, form: Literal["json", "text"]) -> Handler:
    """As the environment says."""
    return configure(
        level=how.level,
        form=form,
        debug_lines=how.debug_lines,
        debug_sample=how.debug_sample,
        emails=how.emails,
        redact=how.redact,
    )


def in_lambda() -> None:
    """For a function that is no app: in Lambda its lines are as those of apps. Elsewhere nothing."""
    how = observability.read()
    if how.in_lambda and how.form != "off":
        configure_as(how, "text" if how.form == "text" else "json")


def unconfigure() -> None:
    """Take the handler away again. For tests."""
    global _handler  # noqa: PLW0603
    if _handler is not None:
        logging.getLogger().removeHandler(_handler)
        logging.getLogger().setLevel(logging.WARNING)
        for name in _leveled:
            logging.getLogger(name).setLevel(logging.NOTSET)
        _leveled.clear()
    _handler = None


def active() -> Handler | None:
    """The handler of this process, None before `configure`."""
    return _handler


_CONTROL = dict.fromkeys((*range(9), *range(11, 32), 127, *range(128, 160)))


def _made_redactor(*, emails: bool = False, names: Sequence[str] = ()) -> Redactor:
    from org_common.telemetry.redaction import Redactor

    return Redactor(emails=not emails, names=names)


def _open(logger: logging.Logger, handler: Handler) -> None:
    # A level that the program has set is its own business.
    if logger.level == logging.NOTSET or logger.name in _leveled:
        _leveled.add(logger.name)
        logger.setLevel(logging.DEBUG if handler.debug_lines or handler.debug_sample else handler.threshold)


def _stream(form: str) -> Callable[[str, int], None]:
    # Looked up with each line: servers and tests put others in their place.
    if form == "json":
        return lambda line, _: _print(sys.stdout, line)
    return lambda line, _: _print(sys.stderr, line)


def _print(stream: TextIO, line: str) -> None:
    stream.write(line)
    stream.flush()


def _sink(sink: Any) -> Callable[[str, int], None]:
    """Lambda's own way out: one frame a line, which says its level where the platform filters by that."""
    is_json = os.environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON"
    if not (is_json or os.environ.get("AWS_LAMBDA_LOG_LEVEL")):
        return lambda line, _: sink.log(line)
    return lambda line, level: sink.log(line, frame_type=frame(level, is_json=is_json))


def frame(level: int, *, is_json: bool) -> bytes:
    """The type of a frame of Lambda's telemetry: 0xa55a, then the level and whether the line is JSON."""
    step = min(level, logging.CRITICAL) // 10
    return (0xA55A0000 + (4 * (step + 1) if step > 0 else 0) + (2 if is_json else 3)).to_bytes(4, "big")


def _outside(record: logging.LogRecord) -> dict[str, object]:
    """Of a line that belongs to no request of an app: Lambda's own filter knows the invocation."""
    found = getattr(record, "aws_request_id", None)
    return {"lambda_request_id": found} if found else {}


def _error(record: logging.LogRecord) -> BaseException | None:
    return record.exc_info[1] if record.exc_info else None


def _told(error: dict[str, Any]) -> list[str]:
    lines = [f"  {error['type']}: {error['message']}", *[f"    {each}" for each in error.get("stack", ())]]
    cause = error.get("cause")
    return [*lines, "  caused by", *_told(cause)] if cause else lines
