"""A body with a key twice in one object is recognized, however the key is spelled and wherever the object is."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from org_common import PUBLIC, App, Model
from org_common.handlers.repeated_keys import has_repeated_key
from org_common.testing.client import Client

KEYS = st.text(st.characters(codec="utf-8") | st.sampled_from(':"\\{}[], \n'), max_size=4)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | KEYS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)
REPEATED = [
    *(
        '{"a": 1, "a": 1}',
        '{"a": 1, "b": 2, "a": {}}',
        '{"x": {"a": 1, "a": 2}}',
        '[{"a": 1, "a": 2}]',
        '{"": 1, "": 2}',
    ),
    *('{"a": 1, "\\u0061": 2}', '{"\\u0061": 1, "\\u0061": 2}', '{"a\\/": 1, "a/": 2}', '{"ä": 1, "\\u00e4": 2}'),
    *('{"a": 1, "a": ":"}', '{"a:": 1, "a:": 2}', '{"a": "\\u003a", "a": 1}', '{"a": {"b": 1}, "a": {"b": 1}}'),
    *('{"a" : 1 ,\n"a"\t: 2}', '{"a": [1, {"b": [{"c": 1, "c": 2}]}]}', '{"a": 18446744073709551616, "a": 1}'),
    *(
        '{"a": 1, "b": "\\"a\\":", "a": 2}',
        '{"\\"": 1, "\\u0022": 2}',
        '{"x": [' + "[" * 300 + "]" * 300 + '], "x": 1}',
    ),
]
UNIQUE = [
    *(
        "{}",
        "[]",
        "1",
        '"a:b"',
        '{"a": 1, "b": 2}',
        '[{"a": 1}, {"a": 2}]',
        '{"a": {"a": {"a": 1}}}',
        '{"a": "a", "b": "a"}',
    ),
    *(
        '{"a": "\\u003a:\\":", "b": "::"}',
        '{"a": "http://x:1", "A": 1}',
        '{"a": 1, "a ": 2}',
        '{"é": 1, "e\\u0301": 2}',
    ),
    *("", "{", '{"a": 1, "a"}', "\xff", '{"a": NaN}', '{"a": 123456789012345678901234567890}'),
]


@pytest.mark.parametrize("text", REPEATED, ids=lambda text: text[:30])
def test_repeated_key_is_found(text: str) -> None:
    assert has_repeated_key(text.encode())


@pytest.mark.parametrize("text", UNIQUE)
def test_other_bodies_pass(text: str) -> None:
    assert not has_repeated_key(text.encode())


@given(VALUES, st.booleans())
def test_what_json_writes_has_none(value: Any, escaped: bool) -> None:
    assert not has_repeated_key(json.dumps(value, ensure_ascii=escaped).encode())


@example({"a": 1}, ":", None)
@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=3), VALUES, st.sampled_from([None, "list", "object"]))
def test_any_key_that_is_added_again_is_found(value: dict[str, Any], again: Any, inside: str | None) -> None:
    key = json.dumps(next(iter(value)), ensure_ascii=False)
    text = f"{json.dumps(value, ensure_ascii=False)[:-1]}, {key}: {json.dumps(again, ensure_ascii=False)}}}"
    text = {None: text, "list": f"[1, {text}]", "object": f'{{"k": {text}, "l": ":"}}'}[inside]

    assert has_repeated_key(text.encode())


class Note(Model):
    text: str
    extra: dict[str, Any] | None = None


app = App("repeated")


@app.post("/notes", allow=PUBLIC)
def add(body: Note) -> Note:
    return body


@pytest.mark.parametrize(
    "body",
    [
        *('{"text": "a", "text": "b"}', '{"text": "a", "te\\u0078t": "b"}', '{"text": "a", "extra": {"b": 1, "b": 2}}'),
        '{"text": "a", "extra": {"c": [{"b": 1, "b": 2}]}}',
    ],
)
def test_body_with_a_repeated_key_is_refused(body: str) -> None:
    response = Client(app).send("POST", "/notes", body=body.encode())

    assert (response.status, response.json()["code"]) == (400, "invalid_json")
    assert response.json()["detail"] == "The body has an object with the same key twice."


def test_same_key_in_several_objects_is_accepted() -> None:
    body = b'{"text": "a", "extra": {"text": {"text": 1}, "b": [{"c": 1}, {"c": 2}]}}'

    assert Client(app).send("POST", "/notes", body=body).status == 200
