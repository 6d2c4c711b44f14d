"""A wrong declaration does not start: a `TypeError` names the route, the fault and the fix."""

import functools
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import pytest

from org_common import (
    PUBLIC,
    SIGNED_IN,
    TOKEN,
    App,
    Check,
    Header,
    Identity,
    Model,
    OrgCheck,
    Reader,
    Rule,
    SysCheck,
    Transaction,
)

if TYPE_CHECKING:
    from decimal import Decimal

ORG_USER = OrgCheck("org_user")
WS_USER = Check("app.has_ws_role(%(ws_id)s, 'ws_user')")


class New(Model):
    name: str


def fine() -> None: ...


def takes_org(org_id: UUID) -> None: ...


def takes_other(other: int) -> None: ...


def takes_org_and_ws(org_id: UUID, ws_id: UUID) -> None: ...


def reads(db: Reader) -> None: ...


def writes(tx: Transaction) -> None: ...


def reads_and_writes(db: Reader, tx: Transaction) -> None: ...


def knows(caller: Identity) -> None: ...


def two_bodies(new: New, old: New) -> None: ...


def later(limit: "Decimal") -> None: ...


def unknown(limit: "Decimall") -> None: ...  # type: ignore[name-defined]  # noqa: F821 - what is tested


def bare(limit) -> None: ...  # type: ignore[no-untyped-def]  # noqa: ANN001 - what is tested


def many(*ids: int) -> None: ...


def anything(**named: int) -> None: ...


async def waits() -> None: ...


async def waits_and_yields() -> Any:
    yield 1


def two_readers(a: Reader, b: Reader) -> None: ...


def two_transactions(a: Transaction, b: Transaction) -> None: ...


def two_callers(a: Identity, b: Identity) -> None: ...


def by_position(limit: int, /) -> None: ...


def yields() -> Iterator[int]:
    yield 1


def maybe_reads(db: Reader | None) -> None: ...


def listed_body(new: list[New]) -> None: ...


def dict_body(new: dict[str, Any]) -> None: ...


def marked_by_class(x_trace: Annotated[str, Header]) -> None: ...


def misspelt(limit: "functools.nothing") -> None: ...  # type: ignore[name-defined] # what is tested


@functools.wraps(fine)
async def wrapped() -> None: ...


def declare(method: str, path: str, handler: Callable[..., Any], options: dict[str, Any]) -> App:
    app = App("declared")
    getattr(app, method.lower())(path, **options)(handler)
    return app


@pytest.mark.parametrize("rule", [None, True, "PUBLIC", Check, OrgCheck, [ORG_USER]], ids=repr)
def test_what_is_no_rule_is_refused(rule: object) -> None:
    with pytest.raises(TypeError, match=r"GET /a has no access rule: add allow="):
        declare("GET", "/a", fine, {"allow": rule})


def test_route_without_a_rule_is_refused() -> None:
    with pytest.raises(TypeError, match=r"GET /a has no access rule: add allow="):
        declare("GET", "/a", fine, {})


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ({"statuss": 201}, r"POST /a: .*unknown option 'statuss'\. Did you mean status\? Options are allow, status"),
        ({"idempotent": True}, r"POST /a: idempotent= needs a transaction.*add `tx: Transaction`"),
        ({"retry": True}, r"POST /a: retry= needs a transaction.*add `tx: Transaction`"),
        ({"isolation": "serializable"}, r"POST /a: isolation= needs a transaction.*add `tx: Transaction`"),
    ],
    ids=["unknown", "idempotent", "retry", "isolation"],
)
def test_wrong_option_is_refused(option: dict[str, Any], says: str) -> None:
    with pytest.raises(TypeError, match=says):
        declare("POST", "/a", fine, {"allow": PUBLIC, **option})


@pytest.mark.parametrize(
    ("handler", "says"),
    [
        pytest.param(waits, r"GET /a: .*'waits' is async.*Write `def`", id="async"),
        pytest.param(waits_and_yields, r"GET /a: .*async.*Write `def`", id="async generator"),
        pytest.param(many, r"GET /a: .*'many' takes \*args .*name each", id="*args"),
        pytest.param(anything, r"GET /a: .*\*\*kwargs: name each", id="**kwargs"),
        pytest.param(bare, r"GET /a: .*'bare'.*'limit' has no annotation\. Example: ", id="no annotation"),
        pytest.param(later, r"GET /a: .*'Decimal'.*outside of `if TYPE_CHECKING", id="known to type checkers only"),
        pytest.param(unknown, r"GET /a: .*'Decimall'.*Import it", id="unknown annotation"),
        pytest.param(int, r"GET /a: .*is not a function", id="class"),
        pytest.param(print, r"GET /a: .*is not a function", id="built-in"),
        pytest.param(functools.partial(fine), r"GET /a: .*is not a function", id="partial"),
        pytest.param(two_bodies, r"GET /a: .*two bodies: combine them into one model", id="two bodies"),
        pytest.param(knows, r"GET /a is PUBLIC .*Identity.*use allow=TOKEN", id="PUBLIC and an Identity"),
        pytest.param(writes, r"GET /a takes a Transaction.*take a Reader", id="GET that writes"),
    ],
)
def test_wrong_handler_is_told_with_its_fix(handler: Callable[..., Any], says: str) -> None:
    with pytest.raises(TypeError, match=says):
        declare("GET", "/a", handler, {"allow": PUBLIC})


def test_public_route_stores_no_answer() -> None:
    """It would be anybody's; and with the header every request was refused."""
    with pytest.raises(TypeError, match=r"POST /a is PUBLIC and idempotent=True.*use allow=TOKEN"):
        declare("POST", "/a", writes, {"allow": PUBLIC, "idempotent": True})
    declare("POST", "/a", writes, {"allow": PUBLIC, "idempotent": False})


def test_reader_beside_a_transaction_is_refused() -> None:
    with pytest.raises(TypeError, match=r"POST /a takes a Reader and a Transaction: .*take it alone"):
        declare("POST", "/a", reads_and_writes, {"allow": SIGNED_IN})


@pytest.mark.parametrize(
    ("path", "handler", "rule", "says"),
    [
        pytest.param("/{org_id}", fine, PUBLIC, r"'fine' does not take .*'org_id': add `org_id: UUID`", id="not taken"),
        pytest.param("/{org_id}", takes_other, PUBLIC, r"does not take .*'org_id': add", id="taken by another name"),
        pytest.param("/a", takes_org, ORG_USER, r"%\(org_id\)s.*no parameters.*: /\{org_id\}", id="rule lacks all"),
        pytest.param("/{org_id}", takes_org, ORG_USER & WS_USER, r"%\(ws_id\)s.*has org_id", id="rule lacks one"),
        pytest.param(
            "/{org_id}",
            takes_org,
            OrgCheck("org_user", parameter="tenant_id"),
            r"%\(tenant_id\)s.*has org_id",
            id="rule takes another parameter",
        ),
        pytest.param("a", fine, PUBLIC, r"must begin with '/'", id="no slash"),
        pytest.param("/{Org}", fine, PUBLIC, r"Example: /orgs/\{org_id\}", id="capital letter"),
        pytest.param("/a{b}", fine, PUBLIC, r"Example: /orgs/\{org_id\}", id="half a segment"),
        pytest.param("/a/", fine, PUBLIC, r"Example: /orgs/\{org_id\}", id="slash at the end"),
        pytest.param("/{org_id}/{org_id}", takes_org, PUBLIC, r"\{org_id\} appears twice", id="twice"),
    ],
)
def test_wrong_path_is_told_with_its_fix(path: str, handler: Callable[..., Any], rule: Rule, says: str) -> None:
    with pytest.raises(TypeError, match=f"^GET {re.escape(path)}: .*{says}"):
        declare("GET", path, handler, {"allow": rule})


# neither is refused. The first is a KeyError at the first request; the second the option's own words rule out.
@pytest.mark.parametrize(
    "option",
    [{"isolation": "SERIALIZABLE", "retry": True}, {"isolation": "serializable"}],
    ids=["unknown isolation", "isolation without retry"],
)
def test_isolation_that_cannot_work_is_refused(option: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=r"POST /a.*isolation"):
        declare("POST", "/a", writes, {"allow": TOKEN, **option})


# none of these is refused. They fail at the first request (500), or answer nonsense with 200, or 422 for ever.
@pytest.mark.parametrize(
    ("path", "handler"),
    [
        pytest.param("/a", two_readers, id="two Readers"),
        pytest.param("/a", two_transactions, id="two Transactions"),
        pytest.param("/a", two_callers, id="two Identities"),
        pytest.param("/a", by_position, id="positional-only"),
        pytest.param("/a", yields, id="generator"),
        pytest.param("/a", wrapped, id="async wrapper of a function"),
        pytest.param("/a", maybe_reads, id="Reader | None"),
        pytest.param("/a", listed_body, id="list of models is bound to the query string"),
        pytest.param("/a", dict_body, id="dict is bound to the query string"),
        pytest.param("/a", marked_by_class, id="Header without parentheses is bound to the query string"),
        pytest.param("/a", misspelt, id="AttributeError of an annotation, without the route"),
    ],
)
def test_declaration_that_cannot_work_is_refused(path: str, handler: Callable[..., Any]) -> None:
    with pytest.raises(TypeError, match=r"POST /a"):
        declare("POST", path, handler, {"allow": TOKEN})


# `@app.get` without its parentheses declares nothing, in silence: the path is the handler.
def test_decorator_without_a_path_is_refused() -> None:
    app: Any = App("bare")

    with pytest.raises(TypeError):
        app.get(fine)


def test_same_route_twice_is_refused() -> None:
    app = declare("GET", "/a/{org_id}", takes_org, {"allow": PUBLIC})

    with pytest.raises(TypeError, match=r"GET /a/\{org_id\} is declared twice"):
        app.get("/a/{org_id}", allow=PUBLIC)(takes_org)


def test_refused_route_leaves_nothing_behind() -> None:
    app = App("refused")

    with pytest.raises(TypeError):
        app.get("/a", allow=PUBLIC)(waits)

    assert app.routes == []
    assert not app.pipeline.table.knows("/a")


@pytest.mark.parametrize(
    ("method", "path", "handler", "options"),
    [
        pytest.param("GET", "/", fine, {"allow": PUBLIC}, id="root"),
        pytest.param("GET", "/a/{org_id}", takes_org, {"allow": ORG_USER}, id="OrgCheck"),
        pytest.param(
            "GET", "/a/{org_id}/{ws_id}", takes_org_and_ws, {"allow": ORG_USER | WS_USER}, id="OrgCheck | Check"
        ),
        pytest.param("GET", "/a/{org_id}", takes_org, {"allow": SysCheck("sys_user")}, id="SysCheck"),
        pytest.param("GET", "/a", reads, {"allow": PUBLIC}, id="PUBLIC Reader"),
        pytest.param("POST", "/a", writes, {"allow": TOKEN}, id="TOKEN Transaction"),
        pytest.param("DELETE", "/a", writes, {"allow": SIGNED_IN}, id="DELETE Transaction"),
        pytest.param("PUT", "/a", reads, {"allow": SIGNED_IN, "status": 202}, id="status"),
        pytest.param("PATCH", "/a", fine, {"allow": PUBLIC, "summary": "A."}, id="summary"),
        pytest.param("POST", "/a", writes, {"allow": TOKEN, "idempotent": True}, id="idempotent"),
        pytest.param(
            "POST", "/a", writes, {"allow": TOKEN, "isolation": "serializable", "retry": True}, id="isolation"
        ),
        pytest.param("GET", "/a", lambda: None, {"allow": PUBLIC}, id="lambda"),
    ],
)
def test_right_declaration_starts(method: str, path: str, handler: Callable[..., Any], options: dict[str, Any]) -> None:
    app = declare(method, path, handler, options)

    assert [(route.method, route.path, route.rule) for route in app.routes] == [(method, path, options["allow"])]
