"""Exceptions in log lines: type, message without values, stack and causes."""

from __future__ import annotations

import re

TYPE_CHECKING = False

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

    from org_common.telemetry.redaction import Redactor

MAX_FRAMES = 25
MAX_CAUSES = 5
MAX_FAULTS = 10
_QUOTED = re.compile(r'"[^"]*"')
# SQLSTATE class of data exceptions, which quote the value: invalid input syntax for type uuid: "…".
_DATA_EXCEPTION = "22"


def described(error: BaseException, redactor: Redactor) -> dict[str, Any]:
    """The exception and its causes, as JSON. Never SQL values: no DETAIL, HINT or statement."""
    seen: set[int] = set()
    outermost: dict[str, Any] = {}
    fields, current = outermost, error
    for _ in range(MAX_CAUSES):
        fields |= _one(current, redactor)
        seen.add(id(current))
        cause = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
        if cause is None or id(cause) in seen:
            break
        fields["cause"] = {}
        fields, current = fields["cause"], cause
    return outermost


def message_of(error: BaseException) -> str:
    """The message, without values of statements and models. Not redacted yet."""
    error_type = type(error)
    sqlstate = getattr(error, "sqlstate", None)
    if isinstance(sqlstate, str) or error_type.__module__.partition(".")[0] == "psycopg":
        # psycopg puts DETAIL, HINT and the statement below the first line.
        first = str(error).partition("\n")[0]
        return _QUOTED.sub('"***"', first) if str(sqlstate).startswith(_DATA_EXCEPTION) else first
    if error_type.__name__ == "ValidationError" and hasattr(error, "errors"):
        # pydantic's own message quotes the input.
        return _faults(error)
    return str(error)


def _one(error: BaseException, redactor: Redactor) -> dict[str, Any]:
    error_type = type(error)
    module = "" if error_type.__module__ == "builtins" else f"{error_type.__module__}."
    try:
        message = redactor.text(message_of(error))
    except Exception:  # noqa: BLE001 - __str__ of other code may raise anything
        message = ""
    fields: dict[str, Any] = {"type": module + error_type.__qualname__, "message": message}
    for name in ("code", "sqlstate"):
        value = getattr(error, name, None)
        if isinstance(value, str):
            fields[name] = value
    stack = _frames(error.__traceback__)
    if stack:
        fields["stack"] = stack
    parts = getattr(error, "exceptions", None)
    if isinstance(parts, tuple):
        fields["parts"] = [_one(part, redactor) for part in parts[:MAX_CAUSES] if isinstance(part, BaseException)]
    return fields


def _frames(traceback: TracebackType | None) -> list[str]:
    """The innermost frame last; the outermost are dropped if there are too many."""
    frames: list[str] = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        frames.append(f"{code.co_filename}:{traceback.tb_lineno} {code.co_name}")
        traceback = traceback.tb_next
    return frames[-MAX_FRAMES:]


def _faults(error: Any) -> str:
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    places = [f"{'.'.join(map(str, fault['loc']))}: {fault['type']}" for fault in faults[:MAX_FAULTS]]
    return f"{len(faults)} faults in {error.title}: {', '.join(places)}"
