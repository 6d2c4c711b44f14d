"""Values of columns: what is exact is read, anything else is refused."""

import json
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import DataError
from psycopg.adapt import Transformer
from psycopg.pq import Format

from org_common.db.protocol.columns import INTERVAL, JSON, JSONB, array, no_bytes
from org_common.db.protocol.parameters import CONTEXT


def load(oid: int, text: str) -> Any:
    return Transformer(CONTEXT).get_loader(oid, Format.TEXT).load(text.encode())


NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)


@given(NUMBERS, st.sampled_from(["{}", "[{}]", '{{"a": {{"b": [1, {}]}}}}', '{{"12345678901234567890": {}}}']))
def test_any_number_of_json_is_read_exactly_or_refused(number: str, document: str) -> None:
    text = document.format(number)
    exact = json.loads(text, parse_float=Decimal, parse_int=Decimal)
    try:
        read = load(JSON, text)
    except DataError:
        assert len(number.lstrip("-").replace(".", "")) > 15 or "e" in number.lower()
    else:
        assert json.loads(json.dumps(read), parse_float=Decimal, parse_int=Decimal) == exact


@pytest.mark.parametrize("text", ['"12345678901234567890123"', '{"1234567890123456": "1e999"}', '["NaN", "1e400"]'])
def test_digits_within_strings_are_no_numbers(text: str) -> None:
    assert load(JSONB, text) == orjson.loads(text)


@pytest.mark.parametrize("text", ["1 mon", "-1 years", "2 years 3 mons 4 days", "infinity", "-infinity"])
def test_intervals_without_a_timedelta_are_refused(text: str) -> None:
    with pytest.raises(DataError, match="neither months nor infinity"):
        load(INTERVAL, text)


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("{}", []),
        ("{sad,glad}", ["sad", "glad"]),
        ('{"a,b",NULL,"\\"","{}"}', ["a,b", None, '"', "{}"]),
        ("{{a,b},{c,d}}", [["a", "b"], ["c", "d"]]),
        ("[0:1]={a,b}", ["a", "b"]),
        ("[1,2.5,-3e-05]", [1, 2.5, -3e-05]),
        (["a"], ["a"]),
        (None, None),
    ],
)
def test_arrays_of_any_type_are_lists(text: Any, items: Any) -> None:
    assert array(text) == items


@pytest.mark.parametrize("text", ['("Main 1",Bern)', "sad", ""])
def test_what_is_no_array_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an array"):
        array(text)


def test_text_is_no_bytes() -> None:
    with pytest.raises(ValueError, match="is not bytea"):
        no_bytes("abc")
