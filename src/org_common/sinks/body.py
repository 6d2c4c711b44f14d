"""A message as compact JSON that SQS, EventBridge and HTTP servers accept."""

from __future__ import annotations

import json
import re

from org_common.db.delivery import Message, MessageRefused

# SQS accepts the characters of XML 1.0, and rejects the message for any other. JSON escapes those below U+0020 already.
_NOT_IN_XML = re.compile("[\ufffe\uffff\ud800-\udfff]")


# A string, or the white space between tokens.
_TOKENS = re.compile(r'("(?:[^"\\]|\\.)*")|[ \t\r\n]+')


def body(message: Message) -> str:
    """The message as JSON without white space. Raises `MessageRefused` for infinite numbers and NaN.

    Numbers keep all their digits: the consumer's transaction compares the body with the stored message.
    """
    text = _dumps(message) if message.json is None else _TOKENS.sub(lambda found: found[1] or "", message.json)
    return _NOT_IN_XML.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _dumps(message: Message) -> str:
    try:
        return json.dumps(message.message, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError:
        raise MessageRefused("it holds an infinite number or NaN, which JSON does not have", message.id) from None
