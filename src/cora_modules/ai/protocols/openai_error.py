"""Errors of an OpenAI-compatible server, as a status with a body, or as an event of a stream."""

import re
from typing import Any, NoReturn

from cora_modules.ai.protocols.connection import Connection
from cora_modules.ai.protocols.json_object import parse_object
from cora_modules.ai.provider import ErrorKind, ProviderError

# Names of errors, in streams and bodies. The text next to them can quote a part of the key.
_NAME = re.compile(r"[\w.-]{1,64}")
_KINDS: dict[str, ErrorKind] = {
    "overloaded_error": "unavailable",
    "server_error": "unavailable",
    "api_error": "unavailable",
    "rate_limit_error": "throttled",
    "rate_limit_exceeded": "throttled",
    "timeout_error": "timeout",
}


class KeyRejected(ProviderError):
    """The server does not accept the key."""


def raise_for(status: int, retry_after: str | None, connection: Connection) -> NoReturn:
    """Raise the error of a status other than 200. `retry_after` is that header."""
    wait_s = float(retry_after) if retry_after and retry_after.isdecimal() else None
    try:
        name = name_of(parse_object(connection.read()))
    except ProviderError:
        name = "without a name"
    message = f"the server responded {status}, {name}"
    if status == 401:
        raise KeyRejected("refused", message)
    if status == 429:
        # A used-up budget does not come back within a request.
        raise ProviderError("refused" if name == "insufficient_quota" else "throttled", message, retry_after_s=wait_s)
    kind: ErrorKind = "unavailable" if status in (408, 409) or status >= 500 else "refused"
    raise ProviderError(kind, message, retry_after_s=wait_s)


def name_of(content: dict[str, Any]) -> str:
    """The name of an error, if it is one: texts of errors can quote the key."""
    error = content.get("error")
    names = (error.get("code"), error.get("type")) if isinstance(error, dict) else ()
    return next((name for name in names if isinstance(name, str) and _NAME.fullmatch(name)), "without a name")


def kind_of(content: dict[str, Any]) -> ErrorKind:
    """The kind of an error in a stream."""
    return _KINDS.get(name_of(content), "invalid_response")
