"""Events as they are written, read by the rules of the HTML standard."""

from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from org_common import Event, Model
from org_common.testing.sse import read_events

BREAKS = ("\r\n", "\r", "\n")
# What `str.splitlines` and several clients take for the end of a line, and the standard does not.
OTHER_BREAKS = "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
TEXT = st.text(st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("\r\n: \ufeff" + OTHER_BREAKS)))
FIELD = TEXT.map(lambda text: text.replace("\r", "").replace("\n", "").replace("\0", ""))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


class Delta(Model):
    token_text: str
    used_tokens: int = 0


class Name(StrEnum):
    TOKEN = "token"


def normal(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


@given(TEXT, st.none() | FIELD, st.none() | FIELD, st.none() | st.integers(0, 10**6))
def test_string_arrives_with_its_line_breaks_as_lf(
    data: str, name: str | None, id: str | None, retry: int | None
) -> None:
    assert read_events(Event(data, name, id, retry).encode()) == [Event(normal(data), name, id, retry)]


@given(JSON.filter(lambda value: not isinstance(value, str)))
def test_json_is_one_line_for_every_client(value: Any) -> None:
    encoded = Event(value).encode()

    [event] = read_events(encoded)
    assert orjson.loads(str(event.data)) == value
    assert len(encoded.decode().splitlines()) == 2


@given(st.lists(TEXT, max_size=5))
def test_stream_is_as_many_events(texts: list[str]) -> None:
    body = b"".join(Event(text).encode() for text in texts)

    assert [event.data for event in read_events(body)] == [normal(text) for text in texts]


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (Event("a"), b"data: a\n\n"),
        (Event(""), b"data: \n\n"),
        (Event("a\nb\r\nc\rd"), b"data: a\ndata: b\ndata: c\ndata: d\n\n"),
        (Event("a", "token", "7", 3000), b"event: token\nid: 7\nretry: 3000\ndata: a\n\n"),
        (Event("a", Name.TOKEN), b"event: token\ndata: a\n\n"),
        (Event({"a": [1, None]}), b'data: {"a":[1,null]}\n\n'),
        (Event(None), b"data: null\n\n"),
        (Event(Delta(token_text="\u2028")), b'data: {"tokenText":"\\u2028","usedTokens":0}\n\n'),
        (Event([Delta(token_text="é")]), 'data: [{"tokenText":"é","usedTokens":0}]\n\n'.encode()),
        (Event(Decimal("1.50")), b'data: "1.50"\n\n'),
        (Event(UUID(int=1)), b'data: "00000000-0000-0000-0000-000000000001"\n\n'),
    ],
)
def test_event_is_written_as(event: Event, expected: bytes) -> None:
    assert event.encode() == expected


@pytest.mark.parametrize("field", ["event", "id"])
@pytest.mark.parametrize("value", [*(f"a{each}data: forged" for each in BREAKS), "a\0b", "\n", "\r"])
def test_field_cannot_begin_another(field: str, value: str) -> None:
    with pytest.raises(ValueError, match="contains a line break or NUL: remove it"):
        Event("x", **{field: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("arguments", [{"event": 1}, {"id": 17}, {"id": b"17"}])
def test_field_of_another_type_is_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="expected a string, got"):
        Event("x", **arguments)


@pytest.mark.parametrize("retry", [-1, 1.5, "3", True])
def test_retry_is_milliseconds(retry: Any) -> None:
    with pytest.raises(ValueError, match="pass milliseconds, for example retry=3000"):
        Event("x", retry=retry)


@pytest.mark.parametrize("data", [b"bytes", {1, 2}, object(), {"a": b"bytes"}])
def test_data_without_a_json_form_is_refused(data: object) -> None:
    with pytest.raises(TypeError, match="cannot be written as JSON"):
        Event(data).encode()


def test_event_shows_what_it_has() -> None:
    assert repr(Event({"a": 1}, id="7")) == "Event({'a': 1}, id='7')"
    assert Event("a") != Event("a", "b")
    assert len({Event("a", "b"), Event("a", "b")}) == 1
