import json
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from org_common.tools.database.local import LocalDatabase
from tests.org_common.sql.shop import ALICE, CLAIMS, Unit

pytestmark = pytest.mark.db

MISSING: list[dict[str, Any]] = [
    {**CLAIMS, "sub": "bob"},
    {**CLAIMS, "sub": "Alice"},
    {**CLAIMS, "sub": None},
    {**CLAIMS, "sub": ""},
    {**CLAIMS, "iss": "https://other.test"},
    {**CLAIMS, "iss": None},
    {"iss": CLAIMS["iss"]},
    {"sub": "alice"},
    {},
]


# --- auth.uid, auth.jwt -----------------------------------------------------------------------


@pytest.mark.parametrize("claims", [None, "", "{}", '{"sub": null}', '{"sub": ""}', '{"role": "anon"}'])
def test_without_a_subject_there_is_no_user(unit: Unit, claims: str | None) -> None:
    with unit(claims) as ask:
        assert ask("select auth.uid()") is None


@pytest.mark.parametrize("role", ["anon", "authenticated", "app_sys"])
def test_user_is_the_subject_of_the_claims(unit: Unit, role: str) -> None:
    with unit({"sub": ALICE}, role) as ask:
        assert str(ask("select auth.uid()")) == ALICE


@pytest.mark.parametrize(("claims", "found"), [(None, {}), ("", {}), ("{}", {}), ('{"a": [1]}', {"a": [1]})])
def test_claims_are_json(unit: Unit, claims: str | None, found: dict[str, object]) -> None:
    with unit(claims) as ask:
        assert ask("select auth.jwt()") == found


def test_claims_of_one_transaction_are_no_error_in_the_next(platform: LocalDatabase) -> None:
    """After a transaction the setting is '' on that connection, not null as on a new one."""
    with psycopg.connect(platform.admin_url, autocommit=True) as conn:
        with conn.transaction():
            conn.execute("select set_config('request.jwt.claims', %s, true)", [json.dumps({"sub": ALICE})])
        found = conn.execute("select auth.uid(), auth.jwt(), current_setting('request.jwt.claims')").fetchone()

    assert found == (None, {}, "")


@pytest.mark.parametrize("function", ["auth.uid()", "auth.jwt()"])
def test_policies_have_the_look_up_inlined(platform: LocalDatabase, function: str) -> None:
    with psycopg.connect(platform.admin_url) as conn:
        plan = conn.execute(f"explain (verbose, costs off) select {function}".encode()).fetchall()

    assert "current_setting(" in str(plan)
    assert function not in str(plan)


# --- identify ---------------------------------------------------------------------------------


@pytest.mark.parametrize("required", [True, False])
@pytest.mark.parametrize("role", ["authenticated", "app_sys"])
def test_known_caller_becomes_his_user(unit: Unit, role: str, required: bool) -> None:
    with unit({**CLAIMS, "role": role}, role) as ask:
        answered = json.loads(ask("select app.identify(%s)", required))

        assert answered == {**CLAIMS, "role": role, "sub": ALICE, "outer_sub": "alice"}
        assert json.loads(ask("select current_setting('request.jwt.claims')")) == answered
        assert str(ask("select auth.uid()")) == ALICE


@pytest.mark.parametrize("claims", MISSING)
def test_unknown_caller_is_refused_where_a_user_is_required(unit: Unit, claims: dict[str, Any]) -> None:
    with unit(claims) as ask, pytest.raises(psycopg.Error) as caught:
        ask("select app.identify(true)")

    assert (caught.value.sqlstate, caught.value.diag.message_primary) == ("OCUSR", "unknown user")


@pytest.mark.parametrize("claims", MISSING)
def test_unknown_caller_has_no_user_where_none_is_required(unit: Unit, claims: dict[str, Any]) -> None:
    with unit(claims) as ask:
        answered = json.loads(ask("select app.identify(false)"))

        assert answered == {**claims, "sub": None, "outer_sub": claims.get("sub")}
        assert ask("select auth.uid()") is None


def test_token_whose_subject_is_a_users_id_is_not_that_user(unit: Unit) -> None:
    with unit({**CLAIMS, "sub": ALICE}) as ask:
        ask("select app.identify(false)")

        assert ask("select auth.uid()") is None


def test_second_call_answers_the_same(unit: Unit) -> None:
    with unit(CLAIMS) as ask:
        first = ask("select app.identify(true)")

        assert ask("select app.identify(true)") == first
        assert ask("select app.identify(false)") == first


@pytest.mark.parametrize("claims", [None, ""])
def test_without_claims_a_required_user_is_missing(unit: Unit, claims: str | None) -> None:
    with unit(claims) as ask, pytest.raises(psycopg.Error) as caught:
        ask("select app.identify(true)")

    assert caught.value.sqlstate == "OCUSR"


@pytest.mark.parametrize("claims", [None, ""])
def test_without_claims_there_is_no_user_but_an_answer(unit: Unit, claims: str | None) -> None:
    with unit(claims) as ask:
        ask("select app.identify(false)")

        assert ask("select auth.uid()") is None
        assert ask("select auth.jwt()") == {}


def test_nobody_without_a_token_is_identified(unit: Unit) -> None:
    with unit(CLAIMS, "anon") as ask, pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask("select app.identify(false)")


def test_identity_ends_with_the_transaction(platform: LocalDatabase) -> None:
    with psycopg.connect(platform.login_url, autocommit=True) as conn:
        with conn.transaction():
            conn.execute(
                "select set_config('request.jwt.claims', %s, true), set_config('role', 'authenticated', true)",
                [json.dumps(CLAIMS)],
            )
            conn.execute("select app.identify(true)")
        after = conn.execute("select current_user, current_setting('request.jwt.claims')").fetchone()

    assert after == ("app_login", "")


def test_platform_must_say_which_user_a_token_belongs_to(bare: LocalDatabase) -> None:
    with psycopg.connect(bare.admin_url) as conn, pytest.raises(psycopg.errors.FeatureNotSupported) as caught:
        conn.execute("select set_config('request.jwt.claims', %s, true)", [json.dumps(CLAIMS)])
        conn.execute("set local role authenticated")
        conn.execute("select app.identify(true)")

    assert caught.value.sqlstate == "0A000"
    assert "app.find_user(token_issuer, token_subject) is not defined" in str(caught.value.diag.message_primary)
    assert "create or replace function app.find_user" in str(caught.value.diag.message_hint)


# --- require ----------------------------------------------------------------------------------

ROLES = ["anon", "authenticated", "app_sys"]


@pytest.mark.parametrize("role", ROLES)
def test_true_goes_on(unit: Unit, role: str) -> None:
    with unit(None, role) as ask:
        assert ask("select app.require(true)") == ""


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("answer", "sqlstate", "code"), [(False, "OC403", "forbidden"), (None, "OC404", "not_found")])
def test_false_is_forbidden_and_null_is_not_found(
    unit: Unit, role: str, answer: bool | None, sqlstate: str, code: str
) -> None:
    with unit(None, role) as ask, pytest.raises(psycopg.Error) as caught:
        ask("select app.require(%s::boolean)", answer)

    assert (caught.value.sqlstate, caught.value.diag.message_primary) == (sqlstate, code)


# --- any_of, all_of ---------------------------------------------------------------------------

# The answers, whether any of them lets the caller go on, whether all of them do.
TRUTHS: list[tuple[list[bool | None], bool | None, bool | None]] = [
    ([True, True], True, True),
    ([True, False], True, False),
    ([False, True], True, False),
    ([False, False], False, False),
    ([True, None], True, None),
    ([None, True], True, None),
    ([False, None], False, None),
    ([None, False], False, None),
    ([None, None], None, None),
    ([True], True, True),
    ([False], False, False),
    ([None], None, None),
    ([None, False, True], True, None),
    ([False, False, None], False, None),
    ([True, True, True], True, True),
    ([True, True, False], True, False),
]


@pytest.mark.parametrize(("answers", "any_of", "all_of"), TRUTHS, ids=str)
def test_answers_combine(unit: Unit, answers: list[bool | None], any_of: bool | None, all_of: bool | None) -> None:
    with unit(None, "anon") as ask:
        assert ask("select app.any_of(variadic %s::boolean[])", answers) is any_of
        assert ask("select app.all_of(variadic %s::boolean[])", answers) is all_of


# --- recheck ----------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ROLES)
def test_unmoved_unit_may_commit(unit: Unit, role: str) -> None:
    with unit(CLAIMS, role) as ask:
        assert ask("select app.recheck(%s, current_setting('request.jwt.claims'))", role) == ""


@pytest.mark.parametrize(
    "move",
    [
        "select set_config('role', 'app_sys', true)",
        "select set_config('role', 'anon', true)",
        "select set_config('request.jwt.claims', '{}', true)",
        "select set_config('request.jwt.claims', '', true)",
    ],
)
def test_moved_unit_may_not_commit(unit: Unit, move: str) -> None:
    with unit(CLAIMS) as ask:
        before = ask("select current_setting('request.jwt.claims')")
        ask(move)

        with pytest.raises(psycopg.Error) as caught:
            ask("select app.recheck('authenticated', %s)", before)

    assert caught.value.sqlstate == "OCMOV"


def test_unit_that_fell_back_to_the_login_may_not_commit(unit: Unit) -> None:
    with unit(CLAIMS) as ask:
        ask("select set_config('role', 'none', true)")

        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            ask("select app.recheck('authenticated', %s)", json.dumps(CLAIMS))


@pytest.mark.parametrize("role", ROLES)
def test_unit_that_began_without_claims_notices_claims(unit: Unit, role: str) -> None:
    with unit("", role) as ask:
        ask("select set_config('request.jwt.claims', %s, true)", json.dumps({"sub": str(uuid4())}))

        with pytest.raises(psycopg.Error) as caught:
            ask("select app.recheck(%s, '')", role)

    assert caught.value.sqlstate == "OCMOV"
