"""Exceptions in log lines: type, message without values, stack and causes."""

from __future__ import annotations

import re

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any

    from org_common.telemetry.redaction import Redactor

MAX_FRAMES = 25
MAX_CAUSES = 5
MAX_FAULTS = 10
# What is shown below the SQL.
FACTS = ("constraint", "table", "column", "sql_function", "hint", "advice")
_QUOTED = re.compile(r'"[^"]*"')
# SQLSTATE class of data exceptions, which quote the value: invalid input syntax for type uuid: "…".
_DATA_EXCEPTION = "22"

advise: Callable[[Any], str] | None = None
"""What to do about an error of PostgreSQL, empty if unknown. Set by `org-common dev` and the pytest plugin."""


def described(error: BaseException, redactor: Redactor, *, sql: bool = False) -> dict[str, Any]:
    """The exception and its causes, as JSON. Never SQL values: no DETAIL. With `sql`, the statement's text too."""
    outermost: dict[str, Any] = {}
    fields = outermost
    for at, each in enumerate(chain(error)):
        if at > 0:
            fields["cause"] = {}
            fields = fields["cause"]
        fields |= _one(each, redactor, sql=sql)
    return outermost


def chain(error: BaseException) -> list[BaseException]:
    """The exception and its causes, the outermost first."""
    found: list[BaseException] = [error]
    while len(found) < MAX_CAUSES:
        last = found[-1]
        cause = last.__cause__ or (None if last.__suppress_context__ else last.__context__)
        if cause is None or any(cause is each for each in found):
            break
        found.append(cause)
    return found


def database_error(error: BaseException) -> BaseException | None:
    """The error of PostgreSQL behind this one, which names its SQLSTATE and what it is about."""
    return next((each for each in chain(error) if getattr(each, "origin", None) is not None), None)


def database_fields(failed: Any) -> dict[str, str]:
    """What an error of PostgreSQL is about: SQLSTATE, constraint, table, column, function, statement, hint."""
    origin = failed.origin
    fields = {
        "sqlstate": failed.sqlstate,
        "constraint": origin.constraint,
        "table": origin.table,
        "column": origin.column,
        "sql_function": origin.function,
        "statement": origin.statement,
        # Of a function of the program it may hold values.
        "hint": None if origin.is_raised or not failed.hint else origin.named(failed.hint),
    }
    return {name: value for name, value in fields.items() if value}


def message_of(error: BaseException) -> str:
    """The message, without values of statements and models. Not redacted yet."""
    error_type = type(error)
    sqlstate = getattr(error, "sqlstate", None)
    if isinstance(sqlstate, str) or error_type.__module__.partition(".")[0] == "psycopg":
        # psycopg puts DETAIL, HINT and the statement below the first line.
        first = str(error).partition("\n")[0]
        origin = getattr(error, "origin", None)
        if origin is not None:
            first = origin.named(first)
        return _QUOTED.sub('"***"', first) if str(sqlstate).startswith(_DATA_EXCEPTION) else first
    if error_type.__name__ == "ValidationError" and hasattr(error, "errors"):
        # pydantic's own message quotes the input.
        return _faults(error)
    return str(error)


def explained(failed: Any) -> list[str]:
    """Lines about an error of PostgreSQL, for a developer: its sentence, the SQL with a caret, what it names."""
    fields = database_fields(failed) | _advice(failed)
    facts = [f"{name}: {fields[name]}" for name in FACTS if name in fields]
    return [message_of(failed), *[f"    {line}" for line in failed.origin.excerpt()], *facts]


def _advice(failed: Any) -> dict[str, str]:
    advice = advise(failed) if advise is not None else ""
    return {"advice": advice} if advice else {}


def _one(error: BaseException, redactor: Redactor, *, sql: bool) -> dict[str, Any]:
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
            fields[name] = redactor.text(value)
    origin = getattr(error, "origin", None)
    if origin is not None:
        fields |= {name: redactor.text(value) for name, value in database_fields(error).items()}
        if sql:
            fields["sql"] = [redactor.text(line) for line in origin.excerpt()]
            fields |= _advice(error)
    stack = _frames(error.__traceback__)
    if stack:
        fields["stack"] = stack
    parts = getattr(error, "exceptions", None)
    if isinstance(parts, tuple):
        shown = [part for part in parts[:MAX_CAUSES] if isinstance(part, BaseException)]
        fields["parts"] = [_one(part, redactor, sql=sql) for part in shown]
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
