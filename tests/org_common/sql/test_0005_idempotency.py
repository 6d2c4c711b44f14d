import json

import psycopg
import pytest

from org_common.tools.database.local import LocalDatabase
from tests.org_common.sql.shop import ALICE, Unit

pytestmark = pytest.mark.db

BOB = "00000000-0000-0000-0000-00000000000b"
CLAIM = "select app.claim_idempotency_key('POST', '/orgs', 'key', 'print')"
STORE = "select app.store_response('POST', '/orgs', 'key', 'print', 201, '{}', 'made', '1 day')"
STORED = "select body from app.stored_response('POST', '/orgs', 'key')"
BECOME = "select set_config('request.jwt.claims', %s, true)"


def test_new_key_goes_on(unit: Unit) -> None:
    with unit({"sub": ALICE}) as ask:
        assert ask(CLAIM) == ""
        assert ask(STORED) is None


def test_key_that_was_answered_is_replayed(unit: Unit) -> None:
    with unit({"sub": ALICE}) as ask:
        ask(STORE)

        assert ask(STORED) == b"made"
        with pytest.raises(psycopg.Error) as caught:
            ask(CLAIM)

    assert caught.value.sqlstate == "OCRPL"


@pytest.mark.parametrize(
    "call",
    [
        "select app.claim_idempotency_key('POST', '/orgs', 'key', 'other')",
        "select app.claim_idempotency_key('POST', '/orgs', 'key', '')",
    ],
)
def test_key_of_another_request_is_refused(unit: Unit, call: str) -> None:
    with unit({"sub": ALICE}) as ask, pytest.raises(psycopg.Error) as caught:
        ask(STORE)
        ask(call)

    assert (caught.value.sqlstate, caught.value.diag.message_primary) == ("OC422", "idempotency_mismatch")


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": BOB},
        {"sub": None, "iss": "https://issuer.test", "outer_sub": "stranger"},
        {"sub": None, "iss": "https://other.test", "outer_sub": ALICE},
    ],
)
def test_answer_is_for_its_caller_alone(unit: Unit, claims: dict[str, str | None]) -> None:
    with unit({"sub": ALICE}) as ask:
        ask(STORE)
        ask(BECOME, json.dumps(claims))

        assert ask(STORED) is None
        assert ask(CLAIM) == ""


@pytest.mark.parametrize(
    "call",
    [
        "select app.claim_idempotency_key('PATCH', '/orgs', 'key', 'print')",
        "select app.claim_idempotency_key('POST', '/orgs/1', 'key', 'print')",
        "select app.claim_idempotency_key('POST', '/orgs', 'KEY', 'print')",
    ],
)
def test_key_belongs_to_method_and_path(unit: Unit, call: str) -> None:
    with unit({"sub": ALICE}) as ask:
        ask(STORE)

        assert ask(call) == ""


def test_answer_that_has_expired_is_as_none(unit: Unit) -> None:
    with unit({"sub": ALICE}) as ask:
        ask(STORE.replace("1 day", "-1 second"))

        assert ask(STORED) is None
        assert ask(CLAIM) == ""
        assert ask(STORE) == ""


def test_key_in_progress_is_told_so_at_once(unit: Unit) -> None:
    with unit({"sub": ALICE}) as first, unit({"sub": ALICE}) as second:
        first(CLAIM)

        with pytest.raises(psycopg.Error) as caught:
            second(CLAIM)

    assert (caught.value.sqlstate, caught.value.diag.message_primary) == ("OC409", "idempotency_in_progress")


def test_key_of_another_caller_in_progress_is_not_in_the_way(unit: Unit) -> None:
    with unit({"sub": ALICE}) as first, unit({"sub": BOB}) as second:
        first(CLAIM)

        assert second(CLAIM) == ""


@pytest.mark.parametrize("claims", [None, "", "{}"])
def test_nobody_in_particular_stores_no_answer(unit: Unit, claims: str | None) -> None:
    with unit(claims) as ask, pytest.raises(psycopg.errors.NotNullViolation):
        ask(STORE)


@pytest.mark.parametrize("role", ["anon", "authenticated", "app_sys"])
@pytest.mark.parametrize(
    "statement", ["select from app.stored_responses", "delete from app.stored_responses", "select app.callers()"]
)
def test_answers_are_reached_by_their_functions_alone(unit: Unit, role: str, statement: str) -> None:
    with unit({"sub": ALICE}, role) as ask, pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask(statement)


def test_nobody_without_a_token_claims_a_key(unit: Unit) -> None:
    with unit(None, "anon") as ask, pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask(CLAIM)


def test_service_purges_what_has_expired_and_reads_nothing(platform: LocalDatabase) -> None:
    with psycopg.connect(platform.admin_url) as conn:
        for key, life in (("old", "-1 second"), ("new", "1 day")):
            conn.execute(
                "insert into app.stored_responses "
                "values ('me', 'POST', '/', %s, '', 201, '{}', '', now() + %s::interval)",
                [key, life],
            )
        conn.execute("set local role app_service")
        purged = conn.execute("delete from app.stored_responses").rowcount
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("select body from app.stored_responses")
        conn.rollback()

    assert purged == 1
