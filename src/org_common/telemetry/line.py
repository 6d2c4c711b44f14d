"""One line: its time, its JSON, and its length."""

from __future__ import annotations

import time

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any

# CloudWatch Logs takes 1 MB, Lambda cuts what is longer than 256 KB.
MAX_LINE_LENGTH = 250_000
_second: tuple[int, str] = (0, "")


def stamp(seconds: float) -> str:
    """RFC 3339 with milliseconds, as Lambda's own lines have it."""
    global _second  # noqa: PLW0603 - a line costs 0.3 us and not 2
    whole = int(seconds)
    known, text = _second
    if known != whole:
        text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole))
        _second = (whole, text)
    return f"{text}.{int((seconds - whole) * 1000):03d}Z"


def clock(seconds: float) -> str:
    """The time of the day, for whoever reads along."""
    return time.strftime("%H:%M:%S", time.localtime(seconds))


def dumps(line: dict[str, Any]) -> str:
    """One line of JSON with its end. What is too long keeps its head."""
    # An authorizer that refuses nobody writes none, and has no other use for it.
    import orjson

    try:
        text = orjson.dumps(line)
    except TypeError:
        # Half a character, which UTF-8 has no form for, or what is no JSON at all.
        text = orjson.dumps(_plain(line))
    if len(text) > MAX_LINE_LENGTH:
        head = {name: value for name, value in line.items() if isinstance(value, str | int | float) or value is None}
        short = {name: value[:1000] if isinstance(value, str) else value for name, value in head.items()}
        text = orjson.dumps(_plain({**dict(list(short.items())[:100]), "cut_from_bytes": len(text)}))
    return text.decode() + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if isinstance(value, dict):
        return {_plain(str(name)): _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, int):
        # orjson writes 64 bits.
        return value if -(2**63) <= value < 2**64 else str(value)
    import orjson

    return value if value is None or isinstance(value, float | orjson.Fragment) else str(value)
