"""Formats one log line: timestamp, JSON, and maximum length."""

from __future__ import annotations

import re
import time

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any

# CloudWatch Logs accepts 1 MB, Lambda truncates lines over 256 KB.
MAX_LINE_LENGTH = 250_000
_second: tuple[int, str] = (0, "")
# They move a terminal's cursor, end a line for some reader, reorder text or hide it: C0, DEL and C1, line and paragraph
# separators, bidirectional and invisible format characters, tags, and lone surrogates, which a stream cannot encode.
# Compiled at the first such character.
_UNPRINTABLE = (
    "[\x00-\x1f\x7f-\x9f\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e0fff]"
)
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def stamp(seconds: float) -> str:
    """The time in RFC 3339 with milliseconds, as in Lambda's own lines."""
    global _second  # noqa: PLW0603 - formatted once a second: 0.3 us a line instead of 2
    second = int(seconds)
    cached, text = _second
    if cached != second:
        text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        _second = (second, text)
    return f"{text}.{int((seconds - second) * 1000):03d}Z"


def clock(seconds: float) -> str:
    """The local time of day, for lines in a terminal."""
    return time.strftime("%H:%M:%S", time.localtime(seconds))


def visible(text: str) -> str:
    """The string on one line of a terminal: control and invisible characters become escapes, ESC becomes `x1b`."""
    # A line of 100 characters takes 0.3 us, or 2 us if it is not ASCII.
    return text if text.isascii() and text.isprintable() else re.sub(_UNPRINTABLE, _escape, text)


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    code = ord(character)
    if code < 256:
        return _SHORT.get(character) or f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 65_536 else f"\\U{code:08x}"


def _json_escape(match: re.Match[str]) -> str:
    return "".join(f"\\u{unit:04x}" for unit in memoryview(match[0].encode("utf-16-le")).cast("H"))


def dumps(line: dict[str, Any]) -> str:
    """One line of JSON with its newline, its control and invisible characters escaped.

    A line that is too long keeps only its first, short fields.
    """
    # Imported here: an authorizer that accepts all tokens writes no line, and needs orjson for nothing else.
    import orjson

    try:
        text = orjson.dumps(line)
    except TypeError:
        # A lone surrogate, which UTF-8 cannot encode, or a value that JSON has no type for.
        text = orjson.dumps(_plain(line))
    if len(text) > MAX_LINE_LENGTH:
        scalars = {name: value for name, value in line.items() if isinstance(value, str | int | float) or value is None}
        short = {name: value[:1000] if isinstance(value, str) else value for name, value in scalars.items()}
        text = orjson.dumps(_plain({**dict(list(short.items())[:100]), "cut_from_bytes": len(text)}))
    decoded = text.decode()
    # JSON allows these as they are, but a terminal obeys C1, and `str.splitlines` ends a line at U+0085 and U+2028.
    if not decoded.isascii() or "\x7f" in decoded:
        decoded = re.sub(_UNPRINTABLE, _json_escape, decoded)
    return decoded + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if isinstance(value, dict):
        return {_plain(str(name)): _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, int):
        # orjson writes integers of 64 bits.
        return value if -(2**63) <= value < 2**64 else str(value)
    import orjson

    return value if value is None or isinstance(value, float | orjson.Fragment) else str(value)
