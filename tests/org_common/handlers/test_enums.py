"""What a response writes for a member of an enum is read back as this member."""

import enum
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field, create_model

from org_common import Model
from org_common.handlers.enums import with_json_values
from org_common.handlers.schema import body_parser, form_parser
from org_common.values.errors import Fault


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Rate(enum.Enum):
    LOW = Decimal("0.5")
    HIGH = Decimal(2)


class Red(Model):
    kind: Literal[Color.RED]
    rate: Rate


class Blue(Model):
    kind: Literal[Color.BLUE]


class Thing(Model):
    one: Annotated[Red | Blue, Field(discriminator="kind")]
    reds: list[Literal[Color.RED]]
    by_color: dict[Literal[Color.RED, Color.BLUE], int]
    by_rate: dict[Rate, int]
    children: "list[Thing]" = []  # noqa: RUF012 - a field


THING = Thing(
    one=Red(kind=Color.RED, rate=Rate.LOW),
    reds=[Color.RED],
    by_color={Color.BLUE: 1},
    by_rate={Rate.HIGH: 2},
    children=[Thing(one=Blue(kind=Color.BLUE), reds=[], by_color={}, by_rate={})],
)


def test_model_of_enums_is_read_back() -> None:
    faults: list[Fault] = []

    assert body_parser(Thing)(THING.model_dump_json(by_alias=True).encode(), faults) == THING
    assert faults == []


values = st.one_of(
    st.text(max_size=5),
    st.integers(-5, 5),
    st.decimals(-5, 5, places=1),
    st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    st.uuids(),
    st.tuples(st.integers(0, 3), st.text(max_size=2)),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(values, min_size=1, max_size=5, unique_by=lambda value: orjson.dumps(value, default=str)), st.data())
def test_member_of_any_enum_is_read_back(members: list[Any], data: st.DataObject) -> None:
    make: Any = enum.Enum
    kind = make("kind", {f"M{at}": value for at, value in enumerate(members)})
    member = data.draw(st.sampled_from(list(kind)))
    fields: dict[str, Any] = {"plain": (kind, ...), "literal": (Literal[member], ...)}
    model: Any = create_model("Holder", __base__=Model, **fields)
    written = model(plain=member, literal=member).model_dump_json(by_alias=True).encode()
    faults: list[Fault] = []

    read = body_parser(model)(written, faults)

    assert faults == []
    assert (read.plain, read.literal) == (member, member)


@pytest.mark.parametrize("sent", [b'"0.50"', b"0.5", b"null", b"true", b'"LOW"', b"[]", b"\"Decimal('0.5')\""])
def test_other_values_are_faults_in_words_of_json(sent: bytes) -> None:
    model = create_model("Holder", __base__=Model, rate=(Rate, ...))
    faults: list[Fault] = []

    assert body_parser(model)(b'{"rate":' + sent + b"}", faults) is None
    assert [(fault.pointer, fault.code, fault.detail) for fault in faults] == [
        ("#/rate", "enum", "Input should be '0.5' or '2'")
    ]


def test_form_reads_the_same_values() -> None:
    fields: dict[str, Any] = {"rate": (Rate, ...), "color": (Literal[Color.RED], ...)}
    model = create_model("Holder", __base__=Model, **fields)
    faults: list[Fault] = []

    read = form_parser(model)("rate=0.5&color=red", faults)

    assert faults == []
    assert (read.rate, read.color) == (Rate.LOW, Color.RED)


def test_schema_without_such_enums_is_unchanged() -> None:
    model = create_model("Holder", __base__=Model, color=(Color, ...), id=(UUID, ...), name=(str, "a"))
    model.model_rebuild()

    assert with_json_values(model.__pydantic_core_schema__) is model.__pydantic_core_schema__
