"""What a handler may do before its first statement: proved from its code, and shown by running it."""

import contextlib
import enum
import functools
import logging
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn, cast
from uuid import UUID, uuid4

import pytest

from org_common import (
    SIGNED_IN,
    App,
    Check,
    Conflict,
    Database,
    Forbidden,
    Identity,
    Model,
    PageRequest,
    Precondition,
    Reader,
    Request,
    Response,
    Transaction,
)
from org_common.handlers.prologue import find_effect
from org_common.handlers.signature import Signature
from org_common.testing.client import Client, Person

SQL = "select 1"
RULE = Check("false")
did: list[str] = []


class Color(enum.Enum):
    RED = "red"


class Item(Model):
    name: str = "a"
    count: int = 1

    @property
    def loud(self) -> str:
        did.append("property")
        return self.name.upper()

    def shout(self) -> str:
        did.append("method")
        return self.name.upper()


class Charge:
    """A provider of the app."""

    def __init__(self, request: Request) -> None:
        did.append("factory")


class Settings:
    @property
    def key(self) -> str:
        did.append("property")
        return "k"


settings = Settings()


class Unhashable:
    """An object that can be called, and looked up in no set."""

    __hash__ = None  # type: ignore[assignment]

    def __call__(self) -> str:
        did.append("called")
        return "x"


unhashable = Unhashable()


def notify(*parts: object) -> str:
    did.append("notified")
    return "x"


def insert(tx: Transaction, item: Item, suffix: str = "") -> object:
    return tx.one(Item, SQL, {"name": item.name + suffix})


def notify_and_insert(tx: Transaction, item: Item) -> object:
    notify()
    return tx.one(Item, SQL, item)


def nothing(value: object) -> object:
    return value


@contextlib.contextmanager
def block() -> Iterator[None]:
    did.append("entered")
    yield


def decorated(handler: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(handler)
    def wrapper(*values: Any, **named: Any) -> Any:
        did.append("decorator")
        return handler(*values, **named)

    return wrapper


# Handlers that begin with their statement, each in a form that real handlers have.


def only_sql(db: Reader) -> object:
    return db.value(SQL)


def local_first(db: Reader, page: PageRequest) -> object:
    by = ("created_at", "id")
    return db.page(Item, SQL, page=page, by=by, descending=True)


def path_in_a_dict(tx: Transaction, item_id: UUID) -> None:
    tx.run(SQL, {"item_id": item_id, "now": datetime.now(UTC)}, rows=1)


def model_merged(tx: Transaction, item_id: UUID, body: Item) -> object:
    return tx.one(Item, SQL, {"item_id": item_id, **body.model_dump()})


def model_with_exceptions(tx: Transaction, body: Item) -> object:
    return tx.one(Item, SQL, body.model_dump(mode="json", exclude={"count"}))


def fields_and_arithmetic(tx: Transaction, body: Item, limit: int = 5) -> object:
    return tx.value(SQL, {"name": f"{body.name}-{limit + 1:03}", "more": [body.count, -limit][0]})


def caller(tx: Transaction, identity: Identity) -> object:
    token = {"token_id": identity.token_id, "id": uuid4()}
    return tx.value(SQL, {**token, "color": Color.RED})


def model_made(tx: Transaction) -> object:
    return tx.one(Item, SQL, Item(name="b", count=2))


def queued_first(tx: Transaction, item_id: UUID) -> None:
    tx.send("mail", {"item_id": str(item_id)}, key="k")
    tx.run(SQL, rows=None)


def helper(tx: Transaction, body: Item) -> object:
    return insert(tx, body)


def helper_by_keyword(tx: Transaction, body: Item) -> object:
    return insert(tx, item=body, suffix="!")


def helper_without_effect(tx: Transaction, body: Item) -> object:
    return tx.one(Item, SQL, nothing(body))


def joined(db: Reader, names: str) -> object:
    return db.value(SQL, {"names": ",".join(names.split())})


def no_statement(tx: Transaction) -> Response:
    return Response(status=202)


def closure() -> Callable[..., Any]:
    queries = [SQL]

    def handler(db: Reader) -> object:
        return db.value(queries[0])

    return handler


def helper_and_more(tx: Transaction, body: Item) -> object:
    made = insert(tx, body)
    notify()
    return made


def swapped(tx: Transaction, body: Item) -> object:
    item: Any
    source: Any
    item, source = body, tx
    source, item = item, source
    return item.value(SQL, {"name": source.name})


def empty_values(tx: Transaction) -> object:
    return tx.value(SQL, {"a": [], "b": {}})


def first(tx: Transaction) -> object:
    return tx.value(SQL)


def second(tx: Transaction) -> object:
    return first(tx)


def third(tx: Transaction) -> object:
    return second(tx)


def fourth(tx: Transaction) -> object:
    return third(tx)


def four_deep(tx: Transaction) -> object:
    return fourth(tx)


BEGIN_WITH_STATEMENT = [
    *(only_sql, local_first, path_in_a_dict, model_merged, model_with_exceptions, fields_and_arithmetic, caller),
    *(model_made, queued_first, helper, helper_by_keyword, helper_without_effect, joined, no_statement, closure()),
    *(helper_and_more, swapped, empty_values, four_deep),
]

# Handlers that may do something first, and what the error says.


def calls(db: Reader) -> object:
    notify()
    return db.value(SQL)


def calls_in_an_argument(db: Reader) -> object:
    return db.value(SQL, {"x": notify()})


def calls_a_method_of_a_global(db: Reader) -> object:
    did.append("x")
    return db.value(SQL)


def logs(db: Reader) -> object:
    logging.getLogger("x").info("asked")
    return db.value(SQL)


def reads_a_property(db: Reader, body: Item) -> object:
    return db.value(SQL, {"name": body.loud})


def calls_a_method_of_the_body(db: Reader, body: Item) -> object:
    return db.value(SQL, {"name": body.shout()})


def reads_a_property_of_a_global(db: Reader) -> object:
    return db.value(SQL, {"name": settings.key})


def branches(db: Reader, name: str = "a") -> object:
    if name == "a":
        raise Conflict
    return db.value(SQL)


def raises(db: Reader) -> NoReturn:
    raise Conflict


def loops(tx: Transaction) -> None:
    for _ in range(1):
        notify()
    tx.run(SQL, rows=None)


def comprehends(tx: Transaction) -> object:
    return tx.many(SQL, [{"x": notify()} for _ in range(1)])


def generates(tx: Transaction) -> object:
    return tx.many(SQL, ({"x": notify()} for _ in range(1)))


def catches(db: Reader) -> object:
    try:
        return db.value(SQL)
    except Forbidden:
        return notify()


def suppresses(db: Reader) -> object:
    with contextlib.suppress(Forbidden):
        db.value(SQL)
    return notify()


def enters(db: Reader) -> object:
    with block():
        return db.value(SQL)


def helper_with_an_effect(tx: Transaction, body: Item) -> object:
    return notify_and_insert(tx, body)


def swapped_functions(tx: Transaction, body: Item) -> object:
    first: Any
    second: Any
    first, second = nothing, notify
    first, second = second, first
    return tx.one(Item, SQL, {"name": first()})


def conditional_argument(db: Reader, name: str = "a") -> object:
    return db.value(SQL, {"x": notify() if name else None})


def lambda_(db: Reader) -> object:
    later: Callable[[], str] = lambda: notify()  # noqa: E731, PLW0108
    return db.value(SQL, {"x": later()})


def imports(db: Reader) -> object:
    import antigravity_of_tests  # type: ignore[import-not-found] # noqa: F401

    return db.value(SQL)


def assigns_a_global(db: Reader) -> object:
    global settings  # noqa: PLW0603
    settings = settings  # noqa: PLW0127
    return db.value(SQL)


def assigns_an_attribute(db: Reader, body: Item) -> object:
    body.name = "b"
    return db.value(SQL)


def deletes(db: Reader, body: Item) -> object:
    del did[:0]
    return db.value(SQL)


def another_reader(db: Reader) -> object:
    other = cast("Reader", Fake())
    return other.value(SQL) or db.value(SQL)


def checks_a_precondition(tx: Transaction, precondition: Precondition) -> object:
    precondition.check(None)
    return tx.value(SQL)


def opens_a_file(db: Reader) -> object:
    return db.value(SQL, {"x": Path("/").exists()})


def provided(db: Reader, charge: Charge) -> object:
    return db.value(SQL)


def savepoint(tx: Transaction) -> None:
    with tx.savepoint():
        tx.run(SQL, rows=None)


def helper_first(tx: Transaction, body: Item) -> object:
    nothing(body)
    notify()
    return tx.value(SQL)


def calls_what_a_list_holds(tx: Transaction) -> object:
    [notify][0]()
    return tx.value(SQL)


def calls_what_it_is_given(tx: Transaction, body: Item) -> object:
    action: Any = body
    f"{action.name}".join([notify()])
    return tx.value(SQL)


def calls_a_field(tx: Transaction, body: Item) -> object:
    body.name()  # type: ignore[operator]
    return tx.value(SQL)


def calls_an_object(tx: Transaction) -> object:
    unhashable()
    return tx.value(SQL)


def calls_a_result(tx: Transaction) -> object:
    [notify].pop()()
    return tx.value(SQL)


def five_deep(tx: Transaction) -> object:
    return four_deep(tx)


class Fake:
    """A transaction that refuses each statement."""

    def refuse(self, *values: object, **named: object) -> NoReturn:
        raise Forbidden

    all = many = maybe = one = page = run = value = refuse

    def send(self, *values: object, **named: object) -> None: ...


MAY_DO_SOMETHING: list[tuple[Callable[..., Any], str]] = [
    (calls, "calls 'notify' in line"),
    (calls_in_an_argument, "calls 'notify' in line"),
    (calls_a_method_of_a_global, "calls 'did.append' in line"),
    (logs, "calls 'logging.getLogger' in line"),
    (reads_a_property, "reads the property 'body.loud' in line"),
    (calls_a_method_of_the_body, "calls 'body.shout' in line"),
    (reads_a_property_of_a_global, "reads the property 'settings.key' in line"),
    (branches, "branches or loops in line"),
    (raises, "raises in line"),
    (loops, "in line"),
    (comprehends, "in line"),
    (generates, "in line"),
    (catches, "begins a block in line"),
    (suppresses, "calls 'contextlib.suppress' in line"),
    (enters, "in line"),
    (swapped_functions, "calls 'notify' in line"),
    (helper_with_an_effect, "calls 'notify_and_insert' in line .*, which calls 'notify' in line"),
    (conditional_argument, "branches or loops in line"),
    (lambda_, "in line"),
    (imports, "in line"),
    (assigns_a_global, "in line"),
    (assigns_an_attribute, "in line"),
    (deletes, "in line"),
    (another_reader, "calls 'Fake' in line"),
    (checks_a_precondition, "calls 'precondition.check' in line"),
    (opens_a_file, "calls 'Path' in line"),
    (decorated(only_sql), "has a decorator"),
    (provided, "takes 'charge', which a factory of the app creates"),
    (savepoint, "in line"),
    (helper_first, "calls 'notify' in line"),
    (calls_what_a_list_holds, "calls a function in line"),
    (calls_what_it_is_given, "calls 'notify' in line"),
    (calls_a_field, "calls 'body.name' in line"),
    (calls_an_object, "calls 'unhashable' in line"),
    (calls_a_result, "calls a function in line"),
    (five_deep, "calls 'four_deep' in line .*, which calls 'fourth' in line .* calls 'first' in line"),
]


def effect_of(handler: Callable[..., Any]) -> str | None:
    path = [name for name in ("item_id",) if name in handler.__code__.co_varnames]
    return find_effect(handler, Signature(handler, path, {Charge: Charge}).parameters)


@pytest.mark.parametrize("handler", BEGIN_WITH_STATEMENT, ids=lambda handler: handler.__name__)
def test_handler_that_begins_with_its_statement_is_proved(handler: Callable[..., Any]) -> None:
    assert effect_of(handler) is None


@pytest.mark.parametrize(("handler", "effect"), MAY_DO_SOMETHING, ids=lambda value: getattr(value, "__name__", ""))
def test_effect_is_described(handler: Callable[..., Any], effect: str) -> None:
    assert re.search(effect, effect_of(handler) or "")


def test_effect_is_described_with_its_line() -> None:
    line = calls.__code__.co_firstlineno + 1
    other = imports.__code__.co_firstlineno + 1
    inner = notify_and_insert.__code__.co_firstlineno + 1
    outer = helper_with_an_effect.__code__.co_firstlineno + 1

    assert effect_of(calls) == f"calls 'notify' in line {line}"
    assert effect_of(imports) == f"does more than compute values (IMPORT_NAME) in line {other}"
    assert effect_of(helper_with_an_effect) == (
        f"calls 'notify_and_insert' in line {outer}, which calls 'notify' in line {inner}"
    )


class Recorder:
    """A database whose rule refuses everyone."""

    def open_reader(self, *values: Any) -> tuple[Any, Any]:
        return Scope(), Fake()

    def open_transaction(self, *values: Any, **options: Any) -> tuple[Any, Any]:
        return Scope(), Fake()


class Scope:
    def ensure_authorized(self) -> NoReturn:
        raise Forbidden

    def rollback(self) -> None: ...

    def close(self) -> None: ...


@pytest.mark.parametrize(
    "handler",
    [*BEGIN_WITH_STATEMENT, *(handler for handler, _ in MAY_DO_SOMETHING)],
    ids=lambda handler: handler.__name__,
)
def test_refused_caller_causes_no_effect(handler: Callable[..., Any]) -> None:
    did.clear()
    app = App("refuses")
    app.provide(Charge, Charge)
    path = "/things/{item_id}" if "item_id" in handler.__code__.co_varnames else "/things"
    app.post(path, allow=RULE)(handler)
    app.use(cast("Database", Recorder()))
    query = "names=a" if handler is joined else ""

    response = Client(app, person=Person("bob")).send(
        "POST", path.format(item_id=UUID(int=1)), query=query, body={"name": "a"}
    )

    assert response.status == 403
    assert did == []


def test_route_can_assert_that_it_begins_with_its_statement() -> None:
    app = App("asserts")

    app.post("/a", allow=RULE, begins_with_statement=True)(only_sql)
    with pytest.raises(TypeError, match=r"POST /b: begins_with_statement=True, but the handler calls 'notify' in line"):
        app.post("/b", allow=RULE, begins_with_statement=True)(calls)
    with pytest.raises(TypeError, match="POST /c: .* takes neither"):
        app.post("/c", allow=SIGNED_IN, begins_with_statement=True)(nothing_at_all)


def nothing_at_all() -> None: ...
