"""The JSON of a message holds only characters that SQS accepts, and means what was sent."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from org_common.db.delivery import Message, MessageRefused
from org_common.sinks.body import body

# The characters of XML 1.0: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
ACCEPTED = re.compile("[\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]+")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), VALUES, max_size=5))
def test_any_message_is_accepted_and_read_as_it_was(content: dict[str, Any]) -> None:
    text = body(Message(1, "mail", None, content))

    assert ACCEPTED.fullmatch(text)
    assert json.loads(text) == content


@given(st.dictionaries(st.text(), VALUES, max_size=5))
def test_json_of_the_database_is_made_compact_and_stays_the_same(content: dict[str, Any]) -> None:
    stored = json.dumps(content, ensure_ascii=False)

    assert body(Message(1, "mail", None, {}, json=stored)) == body(Message(1, "mail", None, content))


def test_numbers_of_the_database_keep_their_digits() -> None:
    stored = '{"a": 1.10, "b": 12345678901234567890.123, "c": "x  \\" : y", "d": [1, 2]}'

    text = body(Message(1, "mail", None, {}, json=stored))

    assert text == '{"a":1.10,"b":12345678901234567890.123,"c":"x  \\" : y","d":[1,2]}'


@pytest.mark.parametrize("character", ["\x00", "\x1f", "\x7f", "\ufffe", "\uffff", "\ud800", "\u2028", "😀"])
def test_characters_that_sqs_rejects_are_escaped(character: str) -> None:
    text = body(Message(1, "mail", None, {"a": character}))

    assert ACCEPTED.fullmatch(text)
    assert json.loads(text) == {"a": character}


def test_json_is_compact_and_not_ascii_only() -> None:
    assert body(Message(1, "mail", None, {"a": [1, "ü"], "b": {}})) == '{"a":[1,"ü"],"b":{}}'


@pytest.mark.parametrize("number", [float("inf"), float("-inf"), float("nan")])
def test_number_that_json_cannot_say_is_refused(number: float) -> None:
    with pytest.raises(MessageRefused, match="number") as caught:
        body(Message(7, "mail", None, {"a": number}))

    assert caught.value.ids == (7,)
