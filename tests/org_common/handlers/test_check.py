"""Every form of annotation in every place: a declaration works, or it is refused before the first request."""

import dataclasses
import enum
import re
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, NoReturn
from uuid import UUID

import pytest
from pydantic import BaseModel, ConfigDict, Field, create_model
from typing_extensions import TypedDict

from org_common import PUBLIC, App, Cookie, Form, Header, Model, Query
from org_common.handlers.check import find_faults
from org_common.testing import Client


class Color(enum.Enum):
    RED = "red"


class Word(enum.StrEnum):
    A = "a"


class Number(enum.IntEnum):
    ONE = 1


class Rate(enum.Enum):
    LOW = Decimal("0.5")


class Day(enum.Enum):
    FIRST = date(2026, 1, 1)


class Pair(enum.Enum):
    ONE_TWO = (1, 2)


class Id(enum.Enum):
    ONE = UUID(int=1)


class Item(Model):
    a_b: int


class Frozen(Model):
    model_config = ConfigDict(frozen=True)
    a_b: int


class Other(Model):
    name: str


class Password(Model):
    password: str = Field(pattern=r"^(?=.*\d).{8,}$")


class Plain(BaseModel):
    a: int


class Point(NamedTuple):
    x: int


class Typed(TypedDict):
    x: int


@dataclasses.dataclass
class Data:
    x: int


class String(str):
    __slots__ = ()


class Integer(int):
    pass


class Opaque:
    pass


ONE = UUID(int=1)
# An annotation, and a value of it. What JSON has no value of has none.
FROZEN: Any = Frozen(a_b=1)
FORMS: list[tuple[Any, Any]] = [
    (str, "a"),
    (int, 1),
    (float, 1.5),
    (bool, True),
    (Decimal, Decimal("1.5")),
    (date, date(2026, 1, 1)),
    (datetime, datetime(2026, 1, 1, tzinfo=UTC)),
    (time, time(1, 2)),
    (timedelta, timedelta(1)),
    (UUID, ONE),
    (bytes, b"a"),
    (bytearray, bytearray(b"a")),
    (memoryview, memoryview(b"a")),
    (complex, 1j),
    (range, range(3)),
    (Path, Path("/a")),
    (IPv4Address, IPv4Address("10.0.0.1")),
    (Color, Color.RED),
    (Word, Word.A),
    (Number, Number.ONE),
    (Rate, Rate.LOW),
    (Day, Day.FIRST),
    (Pair, Pair.ONE_TWO),
    (Id, Id.ONE),
    (String, String("a")),
    (Integer, Integer(1)),
    (Opaque, Opaque()),
    (Literal["a"], "a"),
    (Literal[1], 1),
    (Literal[Color.RED], Color.RED),
    (Literal[b"a"], b"a"),
    (list[int], [1]),
    (list[Item], [Item(a_b=1)]),
    (list[Literal[Color.RED]], [Color.RED]),
    (list, [1]),
    (set[int], {1}),
    (set[Item], None),
    (set[Frozen], {FROZEN}),
    (frozenset[int], frozenset({1})),
    (frozenset[Item], None),
    (tuple[int, str], (1, "a")),
    (tuple[int, ...], (1,)),
    (tuple[dict[str, int], int], ({"a": 1}, 201)),
    (deque[int], deque([1])),
    (Sequence[int], [1]),
    (Iterable[int], [1]),
    (Iterator[int], iter([1])),
    (Generator[int, None, None], None),
    (dict, {"a": 1}),
    (dict[str, int], {"a": 1}),
    (dict[int, int], {1: 1}),
    (dict[float, int], {1.5: 1}),
    (dict[bool, int], {True: 1}),
    (dict[UUID, int], {ONE: 1}),
    (dict[UUID, Item], {ONE: Item(a_b=1)}),
    (dict[date, int], {date(2026, 1, 1): 1}),
    (dict[Decimal, int], {Decimal("1.5"): 1}),
    (dict[Color, int], {Color.RED: 1}),
    (dict[Word, int], {Word.A: 1}),
    (dict[Number, int], {Number.ONE: 1}),
    (dict[Rate, int], {Rate.LOW: 1}),
    (dict[timedelta, int], {timedelta(1): 1}),
    (dict[tuple[int, int], int], {(1, 2): 1}),
    (dict[None, int], {None: 1}),
    (dict[bytes, int], {b"a": 1}),
    (dict[Literal["a"], int], {"a": 1}),
    (dict[Literal[1], int], {1: 1}),
    (dict[Literal[Color.RED], int], {Color.RED: 1}),
    (dict[Frozen, int], {FROZEN: 1}),
    (dict[frozenset[int], int], {frozenset([1]): 1}),
    (dict[str, set[Item]], None),
    (Mapping[str, int], {"a": 1}),
    (Counter[str], Counter("a")),
    (Point, Point(1)),
    (Typed, {"x": 1}),
    (Data, Data(1)),
    (Item, Item(a_b=1)),
    (Plain, Plain(a=1)),
    (list[Plain], [Plain(a=1)]),
    (Item | None, Item(a_b=1)),
    (Item | Password, Item(a_b=1)),
    (Item | Other, Other(name="a")),
    (int | str, "a"),
    (int | float, 1),
    (UUID | str, ONE),
    (Any, 1),
    (object, 1),
    (Callable[[], int], len),
    (type[int], int),
    (Annotated[str, Field(pattern="^a")], "a"),
    (Annotated[str, Field(pattern="^(?!b)")], "a"),
    (Annotated[str, Field(pattern="(")], "a"),
    (Annotated[str, Field(ge=1)], "a"),
    (NoReturn, None),
]
PLACES = ("path", "query", "header", "cookie", "body", "form", "field", "form field", "result")


def declare(place: str, annotation: Any, value: Any) -> App:
    """An app with the annotation in this place of `/v`. Raises `TypeError` for what its route refuses."""
    app = App("declared")
    if place == "result":

        def give() -> Any:
            return value

        give.__annotations__["return"] = annotation
        app.get("/v", allow=PUBLIC)(give)
        return app
    if place in ("field", "form field"):
        annotation = create_model("Sent", __base__=Model, v=(annotation, ...))
    marker = {"header": Header(), "cookie": Cookie(), "form": Form(), "form field": Form()}.get(place)

    def take(v: Any) -> None:
        taken.append(v)

    taken: list[Any] = []
    app.extensions = taken  # type: ignore[attr-defined]  # what the handler got
    take.__annotations__["v"] = annotation if marker is None else Annotated[annotation, marker]
    if place in ("body", "form", "field", "form field"):
        app.post("/v", allow=PUBLIC)(take)
    else:
        app.get("/{v}" if place == "path" else "/v", allow=PUBLIC)(take)
    return app


def faults(app: App) -> list[str]:
    return [fault for route in app.routes for fault in find_faults(route.signature, route.handler)]


def send(app: App, place: str) -> list[int]:
    """The statuses of requests with strings of many types in this place."""
    client = Client(app)
    statuses = []
    for string in ("a", "1", "true", "0.5", "2026-01-01", "red", str(ONE)):
        if place == "path":
            statuses.append(client.get(f"/{string}").status)
        elif place == "query":
            statuses.append(client.get("/v", v=string).status)
        elif place in ("header", "cookie"):
            headers = {"v": string} if place == "header" else {"cookie": f"v={string}"}
            statuses.append(client.get("/v", headers=headers).status)
        elif place in ("form", "form field"):
            headers = {"content-type": "application/x-www-form-urlencoded"}
            statuses += [client.post("/v", f"{name}={string}".encode(), headers=headers).status for name in ("v", "aB")]
    return statuses


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("annotation", "value"), FORMS, ids=[str(annotation) for annotation, _ in FORMS])
def test_declaration_works_or_is_refused(place: str, annotation: Any, value: Any) -> None:
    """Whatever is declared: no request to it ends with 500."""
    try:
        app = declare(place, annotation, value)
    except TypeError:
        return
    found = faults(app)
    if found:
        assert all(len(fault) > 20 and "\n" not in fault for fault in found)
        return

    assert 500 not in send(app, place)
    if place == "result" and value is not None:
        assert Client(app).get("/v").status == 200


@pytest.mark.parametrize(("annotation", "value"), FORMS, ids=[str(annotation) for annotation, _ in FORMS])
def test_field_is_read_as_it_was_written_or_refused(annotation: Any, value: Any) -> None:
    try:
        app = declare("field", annotation, value)
    except TypeError:
        return
    if faults(app) or value is None:
        return
    [route] = app.routes
    model = route.signature.parameters[0].annotation
    written = model(v=value).model_dump_json(by_alias=True).encode()

    answer = Client(app).post("/v", written)

    assert answer.status == 204, answer.body
    taken: list[Any] = app.extensions  # type: ignore[attr-defined]  # of `declare`
    assert taken[-1].v == value


class Wrapper(Model):
    inner: list[Password]


class Collides(Model):
    first_name: str
    firstName: str  # noqa: N815 - what is tested


class Marked(Model):
    limit: Annotated[int, Query(ge=1)]


class Nested(Model):
    plain: Plain


class Later(Model):
    other: "Missing"  # type: ignore[name-defined]  # noqa: F821 - what is tested


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (Password, r"Password\.password: the pattern cannot be compiled.*@field_validator"),
        (Wrapper, r"Password\.password: the pattern"),
        (Collides, r"Collides\.firstName and first_name have the same name in JSON, 'firstName': rename"),
        (Marked, r"Marked\.limit has the marker Query\(ge=1\), which has no effect.*Annotated\[int, Field\(ge=1\)\]"),
        (Nested, r"Plain is a pydantic BaseModel.*class Plain\(Model\)"),
        (Later, r"Later: 'Missing' is not defined\. Define or import it"),
    ],
)
def test_body_that_cannot_be_built_names_its_field(model: type[Model], says: str) -> None:
    app = declare("body", model, None)

    [fault] = faults(app)

    assert re.match(rf"body parameter 'v': {says}", fault), fault


def with_status() -> dict[str, int]:
    return {"a": 1}, 201  # type: ignore[return-value]  # what is tested


def without_none(flag: bool) -> Item:
    if flag:
        return None  # type: ignore[return-value]  # what is tested
    return Item(a_b=1)


def with_inner_function() -> Item:
    def inner() -> None:
        return None

    inner()
    return Item(a_b=1)


@pytest.mark.parametrize(
    ("handler", "says"),
    [
        (
            with_status,
            "returns a body and a status: return the body alone, and declare the status on the route, status=201",
        ),
        (
            without_none,
            "returns None, but the annotation is `-> Item`: raise NotFound(), or annotate it `-> Item | None`",
        ),
    ],
)
def test_return_statement_that_cannot_work_is_found(handler: Any, says: str) -> None:
    app = App("returns")
    app.get("/v", allow=PUBLIC)(handler)

    [fault] = faults(app)

    assert says in fault


def test_return_of_an_inner_function_is_not_the_handlers() -> None:
    app = App("returns")
    app.get("/v", allow=PUBLIC)(with_inner_function)

    assert faults(app) == []
