from typing import LiteralString

import psycopg
import pytest

from org_common.tools.database.local import LocalDatabase
from tests.org_common.sql.shop import ALICE, ORGS, Unit

pytestmark = pytest.mark.db

OTHER_ORG = "00000000-0000-0000-0000-0000000000ff"
SEND = "select app.send('mail', %s, '{}')"


@pytest.mark.parametrize("role", ["authenticated", "app_sys"])
@pytest.mark.parametrize("key", [None, "org-1"])
def test_request_puts_in(unit: Unit, role: str, key: str | None) -> None:
    with unit({"sub": ALICE}, role) as ask:
        assert ask(SEND, key) == ""


@pytest.mark.parametrize("role", ["anon", "authenticated", "app_sys"])
@pytest.mark.parametrize(
    "statement",
    [
        "select from app.outbox",
        "select message from app.outbox",
        "delete from app.outbox",
        "update app.outbox set message = '{}'",
        "insert into app.outbox (queue, message) values ('mail', '{}') returning message",
        "insert into app.outbox (id, queue, message) overriding system value values (1, 'mail', '{}')",
        "select last_value from app.outbox_id_seq",
    ],
)
def test_request_sees_and_changes_nothing(unit: Unit, role: str, statement: str) -> None:
    with unit({"sub": ALICE}, role) as ask, pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask(statement)


def test_nobody_without_a_token_puts_in(unit: Unit) -> None:
    with unit(None, "anon") as ask, pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask(SEND, None)


@pytest.mark.parametrize(("queue", "key"), [("", None), ("q" * 81, None), ("mail", ""), ("mail", "k" * 129)])
def test_queue_and_key_have_a_length(unit: Unit, queue: str, key: str | None) -> None:
    with unit({"sub": ALICE}) as ask, pytest.raises(psycopg.errors.CheckViolation):
        ask("select app.send(%s, %s, '{}')", queue, key)


def test_relay_sees_who_sent_and_takes_out(platform: LocalDatabase) -> None:
    with psycopg.connect(platform.admin_url) as conn:
        conn.execute("select set_config('request.jwt.claims', %s, true)", [f'{{"sub": "{ALICE}"}}'])
        conn.execute("set local role authenticated")
        conn.execute(SEND, ["org-1"])
        conn.execute("set local role app_service")
        seen = conn.execute("select queue, key, message, created_by::text from app.outbox").fetchall()
        taken = conn.execute("delete from app.outbox").rowcount
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("update app.outbox set message = '{}'")
        conn.rollback()

    assert (seen, taken) == ([("mail", f"{ALICE}/org-1", {}, ALICE)], 1)


SCOPED = "select app.send('mail', 'k', '{}', %s)"


@pytest.mark.parametrize("org", ORGS)
def test_member_sends_in_the_scope_of_the_organization(unit: Unit, org: str) -> None:
    with unit({"sub": ALICE}) as ask:
        assert ask(SCOPED, ORGS[org]) == ""


@pytest.mark.parametrize("scope", [OTHER_ORG, "00000000-0000-0000-0000-0000000000b0"], ids=["organization", "user"])
@pytest.mark.parametrize(
    "statement", [SCOPED, "insert into app.outbox (queue, key, message) values ('mail', %s || '/k', '{}')"]
)
def test_scope_of_others_is_refused(unit: Unit, statement: LiteralString, scope: str) -> None:
    with unit({"sub": ALICE}) as ask, pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask(statement, scope)


@pytest.mark.parametrize("key", ["", "daily", "daily/x", "/x"])
def test_key_without_a_scope_is_refused(unit: Unit, key: str) -> None:
    with unit({"sub": ALICE}) as ask, pytest.raises((psycopg.errors.IntegrityError, psycopg.errors.DataError)):
        ask("insert into app.outbox (queue, key, message) values ('mail', %s, '{}')", key)


def test_platform_sends_in_the_scope_of_any_organization(unit: Unit) -> None:
    with unit({"sub": ALICE}, "app_sys") as ask:
        assert ask(SCOPED, OTHER_ORG) == ""


@pytest.mark.parametrize(
    ("claims", "same"),
    [
        ({"sub": ALICE, "iss": "a", "outer_sub": "b"}, True),
        ({"sub": ALICE, "iss": "c", "outer_sub": "d"}, True),
        ({"sub": None, "iss": "a", "outer_sub": "b"}, False),
        ({"sub": "00000000-0000-0000-0000-0000000000b0"}, False),
    ],
)
def test_scope_is_the_user(unit: Unit, claims: dict[str, str | None], same: bool) -> None:
    with unit(claims) as ask:
        assert (ask("select app.sender()") == ALICE) == same


def test_unknown_users_of_different_tokens_have_different_scopes(unit: Unit) -> None:
    scopes = set()
    for issuer, subject in (("a", "b"), ("a", "c"), ("b", "b")):
        with unit({"sub": None, "iss": issuer, "outer_sub": subject}) as ask:
            scopes.add(ask("select app.sender()"))

    assert len(scopes) == 3
