"""A message as compact JSON that SQS, EventBridge and HTTP servers accept."""

from __future__ import annotations

import json
import re

from org_common.db.delivery import Message, MessageRefused

# SQS accepts the characters of XML 1.0, and rejects the message for any other. JSON escapes those below U+0020 already.
_NOT_IN_XML = re.compile("[\ufffe\uffff\ud800-\udfff]")


def body(message: Message) -> str:
    """The message as JSON without white space. Raises `MessageRefused` for a number beyond the range of a double."""
    try:
        text = json.dumps(message.message, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError:
        raise MessageRefused("it holds a number that JSON parsers cannot read: at most 1.8e308", message.id) from None
    return _NOT_IN_XML.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
