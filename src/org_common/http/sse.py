"""Server-sent events: the value, and how it is written (HTML standard, section 9.2)."""

from __future__ import annotations

import orjson

# A comment line, which every client ignores.
HEARTBEAT = b": \n\n"
EVENT_STREAM = "text/event-stream"
# JSON may contain these unescaped, but some clients break lines at them: `str.splitlines`, the `iter_lines` of httpx.
_ESCAPES = {"\x85": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"}


class Event:
    """One server-sent event, for the iterator of a `Stream`.

    yield Event({"delta": "Hel"}, event="token", id="17")
    """

    __slots__ = ("data", "event", "id", "retry")

    data: object
    """A string is sent as it is, a line of it per `data:` line. Any other value is sent as JSON in one line: a model
    with its camelCase names, a dict, a list, a number, None."""
    event: str | None
    """The name that the client listens to; None for `message`. `error` is what a failed stream ends with."""
    id: str | None
    """The browser sends the latest id as `Last-Event-ID` when it reconnects. Other characters than ASCII may not
    survive the way through a header."""
    retry: int | None
    """How long the client waits before it reconnects, in milliseconds."""

    def __init__(self, data: object, event: str | None = None, id: str | None = None, retry: int | None = None) -> None:
        """Raises `ValueError` for a line break or NUL in `event` or `id`, which could add fields."""
        _check_field("event", event)
        _check_field("id", id)
        if retry is not None and (type(retry) is not int or retry < 0):
            raise ValueError(f"Event(retry={retry!r}) is not a valid time: pass milliseconds, for example retry=3000")
        self.data = data
        self.event = event
        self.id = id
        self.retry = retry

    def encode(self) -> bytes:
        """The event as it is sent. Raises `TypeError` for data that JSON cannot represent."""
        lines = [] if self.event is None else ["event: " + self.event]
        if self.id is not None:
            lines.append("id: " + self.id)
        if self.retry is not None:
            lines.append(f"retry: {self.retry}")
        text = self.data if isinstance(self.data, str) else to_json(self.data)
        # Only at these: `splitlines` knows further line breaks, which would be lost.
        lines += ["data: " + line for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
        return "\n".join([*lines, "", ""]).encode()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Event) and all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    def __hash__(self) -> int:
        return hash((self.event, self.id))

    def __repr__(self) -> str:
        fields = [f"{name}={value!r}" for name in self.__slots__[1:] if (value := getattr(self, name)) is not None]
        return f"Event({', '.join([repr(self.data), *fields])})"


def _check_field(name: str, value: object) -> None:
    if value is None:
        return
    if not isinstance(value, str):
        raise TypeError(f"Event({name}={value!r}): expected a string, got {type(value).__name__}")
    if any(character in value for character in "\r\n\0"):
        raise ValueError(f"Event({name}={value!r}) contains a line break or NUL: remove it")


def to_json(value: object) -> str:
    """JSON in one line. Raises `TypeError` for a value that JSON cannot represent."""
    try:
        text = orjson.dumps(value, default=_to_json_type, option=orjson.OPT_UTC_Z).decode()
    except TypeError as error:
        raise TypeError(f"the data of a stream cannot be written as JSON: {error.__cause__ or error}") from None
    if not text.isascii():
        for character, escape in _ESCAPES.items():
            text = text.replace(character, escape)
    return text


def _to_json_type(value: object) -> object:
    """A value that orjson does not support, as one that it does: as in a response (handlers/result.py)."""
    dump = getattr(value, "model_dump", None)
    if dump is not None:
        return dump(mode="json", by_alias=True, warnings="error")
    if type(value).__name__ == "Decimal":
        return str(value)
    raise TypeError(f"it has a {type(value).__name__}. Use a model, a dict, a list or a string")
