"""Parses server-sent events: the answers of OpenAI-compatible servers arrive as them."""

import re
from collections.abc import Iterable, Iterator

from cora_modules.ai.provider import ProviderError

# Lines end at these alone. `str.splitlines` and the `iter_lines` of some clients also split at U+2028, inside JSON.
_LINE_END = re.compile(rb"\r\n|\n|\r")
_BOM = b"\xef\xbb\xbf"
MAX_BYTES = 1024 * 1024
"""The limit of one event. A delta has a few bytes."""


def read_data(chunks: Iterable[bytes]) -> Iterator[str]:
    """The data of each event. An event without data, or without the blank line that ends it, is not returned.

    Always UTF-8, as the standard says. Raises ProviderError for an event that is too large.
    """
    data: list[bytes] = []
    size = 0
    for line in _lines(chunks):
        if not line:
            if data:
                yield b"\n".join(data).decode(errors="replace")
            data, size = [], 0
            continue
        name, _, value = line.partition(b":")
        if name == b"data":
            data.append(value.removeprefix(b" "))
            size += len(line)
            if size > MAX_BYTES:
                raise ProviderError("invalid_response", "an event of the stream has more than 1 MB")


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    r"""The complete lines. A \r at the end of a chunk is held back: the next one may begin with its \n."""
    rest, at_start = b"", True
    for chunk in chunks:
        rest += chunk
        if at_start:
            if len(rest) < len(_BOM) and _BOM.startswith(rest):
                continue
            rest, at_start = rest.removeprefix(_BOM), False
        held = b"\r" if rest.endswith(b"\r") else b""
        *lines, rest = _LINE_END.split(rest.removesuffix(held))
        rest += held
        if len(rest) > MAX_BYTES:
            raise ProviderError("invalid_response", "a line of the stream has more than 1 MB")
        yield from lines
    if rest.endswith(b"\r"):
        yield rest[:-1]
