import psycopg
import pytest

from org_common.tools.database.local import LocalDatabase
from tests.org_common.sql.shop import ALICE, ORGS, Unit

pytestmark = pytest.mark.db

# Organizations by what alice is in them; in the last she is nothing.
USER, ADMIN, OWNER = ORGS["user"], ORGS["admin"], ORGS["owner"]
NONE = "00000000-0000-0000-0000-000000000009"


@pytest.mark.parametrize(
    ("role", "rank"),
    [
        *[
            (f"{ladder}_{name}", at)
            for ladder in ("sys", "org", "ws")
            for at, name in enumerate(("user", "admin", "owner"), 1)
        ],
        ("owner", None),
        ("org_root", None),
        ("ORG_OWNER", None),
        ("org_owner ", None),
        ("xorg_owner", None),
        ("org_owner\n", None),
        ("", None),
        (None, None),
    ],
)
def test_rank_of_a_role(unit: Unit, role: str | None, rank: int | None) -> None:
    with unit(None, "anon") as ask:
        assert ask("select app.role_rank(%s::text)", role) == rank


@pytest.mark.parametrize(
    ("domain", "role"), [("org_role", "sys_owner"), ("sys_role", "org_user"), ("org_role", "owner")]
)
def test_role_of_another_ladder_is_none_of_this(unit: Unit, domain: str, role: str) -> None:
    with unit(None) as ask, pytest.raises(psycopg.errors.CheckViolation):
        ask(f"select %s::app.{domain}", role)


@pytest.mark.parametrize(
    ("org_id", "at_least", "held"),
    [
        (USER, "org_user", True),
        (USER, "org_admin", False),
        (USER, "org_owner", False),
        (ADMIN, "org_user", True),
        (ADMIN, "org_admin", True),
        (ADMIN, "org_owner", False),
        (OWNER, "org_user", True),
        (OWNER, "org_admin", True),
        (OWNER, "org_owner", True),
        (NONE, "org_user", None),
        (NONE, "org_owner", None),
        (None, "org_user", None),
        (USER, None, None),
    ],
)
def test_org_role_is_held_from_its_rank_on(
    unit: Unit, org_id: str | None, at_least: str | None, held: bool | None
) -> None:
    with unit({"sub": ALICE}) as ask:
        assert ask("select app.has_org_role(%s, %s)", org_id, at_least) is held


@pytest.mark.parametrize("claims", [None, "", "{}"])
def test_nobody_has_an_org_role(unit: Unit, claims: str | None) -> None:
    with unit(claims) as ask:
        assert ask("select app.has_org_role(%s, 'org_user')", USER) is None


@pytest.mark.parametrize(
    ("at_least", "held"), [("sys_user", True), ("sys_admin", True), ("sys_owner", False), (None, False)]
)
@pytest.mark.parametrize("role", ["authenticated", "app_sys"])
def test_sys_role_is_held_from_its_rank_on(unit: Unit, role: str, at_least: str | None, held: bool) -> None:
    with unit({"sub": ALICE}, role) as ask:
        assert ask("select app.has_sys_role(%s)", at_least) is held


@pytest.mark.parametrize("claims", [None, "", "{}"])
def test_nobody_has_a_sys_role(unit: Unit, claims: str | None) -> None:
    with unit(claims, "app_sys") as ask:
        assert ask("select app.has_sys_role('sys_user')") is False


@pytest.mark.parametrize("call", [f"app.has_org_role('{USER}', 'sys_user')", "app.has_sys_role('org_user')"])
def test_rule_that_asks_for_another_ladder_fails(unit: Unit, call: str) -> None:
    with unit({"sub": ALICE}) as ask, pytest.raises(psycopg.errors.CheckViolation):
        ask(f"select {call}")


@pytest.mark.parametrize(
    ("role", "call"),
    [
        ("anon", f"app.has_org_role('{USER}', 'org_user')"),
        ("app_sys", f"app.has_org_role('{USER}', 'org_user')"),
        ("anon", "app.has_sys_role('sys_user')"),
        ("authenticated", f"app.find_org_role('{USER}')"),
        ("authenticated", "app.find_sys_role()"),
        ("app_sys", "app.find_sys_role()"),
    ],
)
def test_question_is_not_for_every_role(unit: Unit, role: str, call: str) -> None:
    with unit({"sub": ALICE}, role) as ask, pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask(f"select {call}")


@pytest.mark.parametrize(
    ("call", "function"),
    [
        (f"app.has_org_role('{USER}', 'org_user')", "app.find_org_role(wanted_org_id)"),
        ("app.has_sys_role('sys_user')", "app.find_sys_role()"),
    ],
)
def test_platform_must_say_which_role_the_caller_has(bare: LocalDatabase, call: str, function: str) -> None:
    with psycopg.connect(bare.admin_url) as conn, pytest.raises(psycopg.errors.FeatureNotSupported) as caught:
        conn.execute("set local role authenticated")
        conn.execute(f"select {call}".encode())

    assert f"{function} is not defined" in str(caught.value.diag.message_primary)
    assert "create or replace function app.find_" in str(caught.value.diag.message_hint)
