"""The character set of a text: a byte order mark, UTF-8, the declared one, or windows-1252.

Guessing by frequencies is wrong for short texts: charset-normalizer and chardet read windows-1252 as EBCDIC, cp1257 or
MacCyrillic (measured).
"""

import codecs
import re

from cora_modules.kb.parsing.bad_file import BadFile

# UTF-32 first: its mark begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DECLARED = re.compile(
    rb"""<meta[^>]+charset\s*=\s*["']?\s*([a-z0-9_:.-]+)|<\?xml[^>]+encoding\s*=\s*["']([a-z0-9_.-]+)""",
    re.IGNORECASE,
)
# What browsers read under these names (WHATWG Encoding, section 4.2).
_ALIASES = {"iso-8859-1": "windows-1252", "latin1": "windows-1252", "us-ascii": "windows-1252", "ascii": "windows-1252"}
# The five bytes without a character in windows-1252 are control characters to browsers.
_CP1252 = {byte: bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in range(256)}


def declared_charset(head: bytes) -> str | None:
    """The character set that an HTML or XML file declares in its first bytes."""
    found = _DECLARED.search(head[:4096])
    return None if found is None else (found[1] or found[2]).decode("ascii").lower()


def decode(content: bytes, declared: str | None = None) -> str:
    """The text of these bytes. Raises `BadFile` if they are binary."""
    for mark, name in _MARKS:
        if content.startswith(mark):
            return _checked(content.decode(name, "replace"))
    try:
        return _checked(content.decode("utf-8"))
    except UnicodeDecodeError:
        pass
    name = _ALIASES.get(declared or "", declared or "windows-1252")
    # UTF-8 was tried, and a file whose declaration can be read is not UTF-16.
    if name not in ("windows-1252", "cp1252") and not name.startswith("utf"):
        try:
            return _checked(content.decode(name, "replace"))
        except LookupError:
            pass
    return _checked(content.decode("latin-1").translate(_CP1252))


def _checked(text: str) -> str:
    if "\0" in text:
        raise BadFile("wrong_type", "The file is not a text: it has binary content.")
    return text
