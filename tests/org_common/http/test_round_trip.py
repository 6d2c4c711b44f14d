"""A model reads what it wrote, in either casing, and jsonb stores the same JSON."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field, create_model

from org_common.handlers.schema import body_parser, model_writer
from org_common.values.casing import camel
from org_common.values.errors import BadRequest, Fault
from org_common.values.model import Model, Patch


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Inner(Model):
    inner_name: str
    a_list: list[int]


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
INTEGERS = st.integers(-(2**63), 2**63 - 1)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | INTEGERS | FLOATS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
KINDS: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXTS,
    int: INTEGERS,
    float: FLOATS,
    bool: st.booleans(),
    Decimal: st.decimals(allow_nan=False, allow_infinity=False),
    UUID: st.uuids(),
    date: st.dates(),
    datetime: st.datetimes(timezones=st.just(UTC)),
    timedelta: st.timedeltas(timedelta(-(10**6)), timedelta(10**6)),
    Color: st.sampled_from(Color),
    Inner: st.builds(Inner, inner_name=TEXTS, a_list=st.lists(INTEGERS, max_size=3)),
    list[UUID]: st.lists(st.uuids(), max_size=3),
    dict[str, Any]: st.dictionaries(TEXTS, JSON, max_size=3),
    int | None: st.none() | INTEGERS,
    Any: JSON,
}
NAMES = st.from_regex(r"[a-z]{1,5}(_[a-z]{1,5}){0,2}", fullmatch=True).filter(
    lambda name: not name.startswith("model_") and name not in dir(Patch) and not name.isupper()
)


@st.composite
def instances(draw: Callable[[st.SearchStrategy[Any]], Any], base: type[Model] = Model) -> Any:
    """An instance of a model that is made for it."""
    fields = draw(st.dictionaries(NAMES, st.sampled_from(list(KINDS)), min_size=1, max_size=5))
    definitions: Any = {name: (kind, ...) for name, kind in fields.items()}
    made: Any = create_model("Made", __base__=base, **definitions)
    return made(**{name: draw(KINDS[kind]) for name, kind in fields.items()})


def read(kind: type[Model], sent: bytes) -> tuple[Any, list[str]]:
    faults: list[Fault] = []
    return body_parser(kind)(sent, faults), [fault.pointer for fault in faults]


@settings(max_examples=60)
@given(instances())
def test_what_is_written_is_read_again(value: Any) -> None:
    kind = type(value)
    sent = model_writer(kind)(value)

    assert read(kind, sent) == (value, [])
    assert set(json.loads(sent)) == {camel(name) for name in kind.model_fields}


@settings(max_examples=60)
@given(instances())
def test_jsonb_is_the_same_json_under_the_inner_names(value: Any) -> None:
    kind = type(value)
    sent = json.loads(model_writer(kind)(value))

    jsonb = json.loads(orjson.dumps(value.__jsonb__()))

    assert set(jsonb) == set(kind.model_fields)
    for name, field in kind.model_fields.items():
        if field.annotation is timedelta:
            # In a form that PostgreSQL reads too.
            assert kind.model_validate_json(json.dumps({**sent, camel(name): jsonb[name]})) == value
        elif field.annotation is not Inner:
            assert jsonb[name] == sent[camel(name)]


@settings(max_examples=40)
@given(instances(Patch), st.data())
def test_patch_holds_what_was_sent_and_nothing_else(value: Any, data: st.DataObject) -> None:
    kind = type(value)
    whole = json.loads(model_writer(kind)(value))
    some = data.draw(st.sets(st.sampled_from(sorted(whole))))

    got, faults = read(kind, json.dumps({name: whole[name] for name in some}).encode())

    assert faults == []
    assert {camel(name) for name in got.sent()} == some


class Numbers(Model):
    count: int = 0
    price: Decimal = Decimal(0)
    settings: dict[str, Any] = Field(default_factory=dict)


@pytest.mark.parametrize(
    ("number", "survives"),
    [
        ("9223372036854775807", True),
        ("-9223372036854775808", True),
        ("9223372036854775808", False),
        ("-9223372036854775809", False),
        ("1" * 4000, False),
        ("0.1", True),
        ("1.5e300", True),
        ("0.30000000000000004", True),
        ("1234567890123456.5", True),
        ("3.14159265358979323846", False),
        ("12345678901234567.89", False),
        ("1e400", False),
        ("-1E+400", False),
        ("1e-400", False),
        ("0.10000000000000000000", True),
    ],
)
def test_number_within_json_survives_or_is_pointed_at(number: str, survives: bool) -> None:
    got, faults = read(Numbers, b'{"settings": {"a": [%s]}}' % number.encode())

    assert faults == ([] if survives else ["#/settings/a/0"])
    if survives:
        assert Decimal(repr(got.settings["a"][0])) == Decimal(number)


@given(st.integers())
def test_any_integer_survives_or_is_pointed_at(number: int) -> None:
    got, faults = read(Numbers, b'{"count": %d}' % number)

    assert (faults == [] and got.count == number) or faults == ["#/count"]


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_decimal_in_a_text_is_exact(number: Decimal) -> None:
    got, faults = read(Numbers, json.dumps({"price": str(number)}).encode())

    assert (faults, got.price) == ([], number)
    assert json.loads(model_writer(Numbers)(got))["price"] == str(number)


@given(st.from_regex(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?", fullmatch=True))
def test_decimal_in_a_number_is_exact_or_pointed_at(number: str) -> None:
    got, faults = read(Numbers, b'{"price": %s}' % number.encode())

    assert faults == ["#/price"] or (faults == [] and got.price == Decimal(number))


def test_text_that_looks_like_a_great_number_is_no_number() -> None:
    assert read(Numbers, b'{"settings": {"a": "1e999 12345678901234567890 NaN"}}')[1] == []
    with pytest.raises(BadRequest):
        read(Numbers, b'{"settings": {"a": NaN}}')


class Moment(Model):
    at: datetime


@pytest.mark.parametrize("seconds", ["0", "1700000000", "19999999999", "20000000001", "253402300799"])
def test_digits_are_seconds_however_many(seconds: str) -> None:
    """From 20,000,000,000 on pydantic would read milliseconds."""
    got, faults = read(Moment, b'{"at": "%s"}' % seconds.encode())

    assert (faults, got.at) == ([], datetime.fromtimestamp(int(seconds), UTC))


class Upload(Model):
    digest: bytes


@given(st.binary(max_size=40))
def test_bytes_are_base64(digest: bytes) -> None:
    sent = model_writer(Upload)(Upload(digest=digest))

    assert json.loads(sent) == {"digest": base64.urlsafe_b64encode(digest).decode()}
    assert read(Upload, sent) == (Upload(digest=digest), [])
    assert read(Upload, json.dumps({"digest": base64.b64encode(digest).decode()}).encode())[0] == Upload(digest=digest)
