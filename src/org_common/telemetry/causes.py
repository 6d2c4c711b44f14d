"""What an exception says in a log line: its type, its words without values, where it came from, and its causes."""

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
# Data exceptions quote the value: invalid input syntax for type uuid: "…".
_WITH_VALUES = "22"


def described(error: BaseException, redactor: Redactor) -> dict[str, Any]:
    """The exception and what caused it, as JSON. Never a value of SQL: no DETAIL, HINT or text of a statement."""
    known: set[int] = set()
    top: dict[str, Any] = {}
    into, current = top, error
    for _ in range(MAX_CAUSES):
        into |= _one(current, redactor)
        known.add(id(current))
        cause = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
        if cause is None or id(cause) in known:
            break
        into["cause"] = {}
        into, current = into["cause"], cause
    return top


def words(error: BaseException) -> str:
    """What it says, as far as it is not a value of a statement or of a model. Not yet redacted."""
    kind = type(error)
    sqlstate = getattr(error, "sqlstate", None)
    if isinstance(sqlstate, str) or kind.__module__.partition(".")[0] == "psycopg":
        # psycopg puts DETAIL, HINT and the statement below the first line.
        first = str(error).partition("\n")[0]
        return _QUOTED.sub('"***"', first) if str(sqlstate).startswith(_WITH_VALUES) else first
    if kind.__name__ == "ValidationError" and hasattr(error, "errors"):
        # pydantic's own text quotes the input.
        return _faults(error)
    return str(error)


def _one(error: BaseException, redactor: Redactor) -> dict[str, Any]:
    kind = type(error)
    module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    try:
        said = redactor.text(words(error))
    except Exception:  # noqa: BLE001 - whatever a stranger's __str__ raises
        said = ""
    fields: dict[str, Any] = {"type": module + kind.__qualname__, "message": said}
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
    """The innermost last; of too many, the innermost."""
    frames: list[str] = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        frames.append(f"{code.co_filename}:{traceback.tb_lineno} {code.co_name}")
        traceback = traceback.tb_next
    return frames[-MAX_FRAMES:]


def _faults(error: Any) -> str:
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    told = [f"{'.'.join(map(str, fault['loc']))}: {fault['type']}" for fault in faults[:MAX_FAULTS]]
    return f"{len(faults)} faults in {error.title}: {', '.join(told)}"
