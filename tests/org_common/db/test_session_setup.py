"""What stands in front of a unit's first statement, and what the server makes of it: role, claims, limits."""

import json
import random
import time

import pytest

from org_common.auth.rules import PUBLIC, SIGNED_IN, TOKEN, Check, OrgCheck, Rule, SysCheck
from org_common.config.settings import Settings
from org_common.db.connections.profile import PROFILES
from org_common.db.database import Database
from org_common.db.protocol.statement import StatementError
from org_common.db.session_setup import SessionSetup
from org_common.db.transaction import Transaction
from org_common.values.errors import Forbidden, GatewayTimeout, OrgError, Unauthorized
from org_common.values.identity import Identity
from org_common.values.types import Deadline
from tests.support.handles import open_reader, open_transaction
from tests.support.lab import ALICE, BOB, ISSUER, ROOT, STRANGER, WHO, Lab
from tests.support.proxy import Proxy

CLAIMS = "select current_setting('request.jwt.claims')::jsonb"
MILLISECONDS = "select setting::int from pg_settings where name = %(name)s"


def setup(rule: Rule = SIGNED_IN, *, left_s: float = 10.0, path: dict[str, object] | None = None) -> SessionSetup:
    return SessionSetup(rule, ALICE, path or {}, Deadline.after(left_s), "")


@pytest.mark.parametrize("rule", [TOKEN, SIGNED_IN, Check("true"), SysCheck("sys_user")], ids=repr)
def test_without_an_identity_nobody_connects(rule: Rule) -> None:
    nowhere = Database(Settings(database_url="postgresql://app_login@127.0.0.1:1/none"))

    for handle in (nowhere.open_reader, nowhere.open_transaction):
        with pytest.raises(Unauthorized):
            handle(rule, None, {}, Deadline.after(10))


def test_a_rule_binds_the_paths_parameters() -> None:
    rule = Check("app.has_org_role(%(org_id)s, 'org_user') and %(name)s = 'x'")

    *_, (command, values, *_) = setup(rule, path={"name": "n", "org_id": "o", "more": 1}).statements(read_only=True)

    assert command == b"select app.require(app.has_org_role($1, 'org_user') and $2 = 'x')"
    assert values == [b"o", b"n"]


def test_a_rule_over_a_parameter_that_the_path_does_not_have_is_a_fault() -> None:
    with pytest.raises(StatementError, match=r"%\(org_id\)s of the statement is missing"):
        setup(OrgCheck("org_user"))


def test_no_value_is_ever_part_of_the_text() -> None:
    odd = Identity(issuer="i'; commit --", subject="s'; commit --", expires_at=0, email="e'; commit --")
    path = {"a": "a'; commit --"}

    opening = SessionSetup(Check("%(a)s = 'x'"), odd, path, Deadline.after(10), "").statements(read_only=False)

    assert all(b"commit" not in command for command, *_ in opening)


@pytest.mark.parametrize("left_s", [0.5, 0.0, -1.0])
def test_without_time_there_is_no_opening(left_s: float) -> None:
    for read_only in (True, False):
        with pytest.raises(GatewayTimeout):
            setup(left_s=left_s).statements(read_only=read_only)
    with pytest.raises(GatewayTimeout):
        setup(left_s=left_s).timeout()


def test_the_client_waits_a_little_longer_than_the_server_works() -> None:
    one = setup(left_s=10)

    assert one.server_timeout_ms() <= 9_500
    assert one.deadline.at_s - 0.5 < one.deadline_s <= one.deadline.at_s - 0.3


@pytest.mark.db
@pytest.mark.parametrize(
    ("rule", "identity", "role"),
    [
        (PUBLIC, None, "anon"),
        (PUBLIC, ALICE, "anon"),
        (TOKEN, STRANGER, "authenticated"),
        (TOKEN, ALICE, "authenticated"),
        (SIGNED_IN, ALICE, "authenticated"),
        (SIGNED_IN, ROOT, "authenticated"),
        (Check("true"), ALICE, "authenticated"),
        (SysCheck("sys_owner"), ROOT, "app_sys"),
        (SysCheck("sys_user") & SysCheck("sys_admin"), ROOT, "app_sys"),
    ],
    ids=repr,
)
def test_the_route_picks_the_role(db: Database, rule: Rule, identity: Identity | None, role: str) -> None:
    assert open_reader(db, rule, identity, {}, Deadline.after(10)).value(WHO) == role

    tx = open_transaction(db, rule, identity, {}, Deadline.after(10))
    assert tx.value(WHO) == role
    tx.commit()


SMUGGLED = [
    {"role": "service_role"},
    {"role": "app_sys"},
    {"role": "postgres"},
    {"role": ["app_sys"]},
    {"role": "app_sys; --"},
    {"outer_sub": "local|bob"},
    {"app_metadata": {"role": "app_sys"}, "user_role": "app_sys", "is_admin": True},
    {"request.jwt.claims": "{}", "search_path": "public", "row_security": "off"},
]


@pytest.mark.db
@pytest.mark.parametrize("extra", SMUGGLED, ids=repr)
def test_a_token_picks_nothing(lab: Lab, db: Database, extra: dict[str, object]) -> None:
    text = json.dumps({**extra, "iss": ISSUER, "sub": "local|alice", "exp": time.time() + 60})
    reader = open_reader(db, SIGNED_IN, Identity.from_claims(text), {}, Deadline.after(10))

    assert reader.value(WHO) == "authenticated"
    assert reader.value(CLAIMS) == {
        "iss": ISSUER,
        "sub": lab.user_id(ALICE),
        "outer_sub": "local|alice",
        "role": "authenticated",
        "email": None,
        "email_verified": False,
    }


ROLE_CLAIMS = (
    "role",
    "Role",
    "roles",
    "user_role",
    "sys_role",
    "https://hasura.io/jwt/claims",
    "app_metadata",
    "scope",
)
ROLES = ("app_sys", "app_service", "app_rules", "app_migrator", "postgres", "service_role", "pg_read_all_data", "none")


def hostile_role(chance: random.Random) -> object:
    """A role that the caller should not have, in one of the forms that some library would believe."""
    role = chance.choice(ROLES)
    return chance.choice(
        [
            role,
            role.upper(),
            f'"{role}"',
            f"authenticated; set role {role}",
            f"authenticated'; select set_config('role', '{role}', true) --",
            f"authenticated\0{role}",
            [role],
            ["authenticated", role],
            {"role": role},
            {"x-hasura-default-role": role, "is_admin": True},
        ]
    )


@pytest.mark.db
def test_a_thousand_claims_of_roles_pick_nothing(lab: Lab, db: Database) -> None:
    chance, user = random.Random(20261130), lab.user_id(ALICE)
    for _ in range(1_000):
        extra = {name: hostile_role(chance) for name in chance.sample(ROLE_CLAIMS, chance.randint(1, 4))}
        text = json.dumps({**extra, "iss": ISSUER, "sub": "local|alice", "exp": time.time() + 60})
        reader = open_reader(db, SIGNED_IN, Identity.from_claims(text), {}, Deadline.after(10))

        found = reader.value("select current_user || ' ' || (current_setting('request.jwt.claims')::jsonb ->> 'sub')")

        assert found == f"authenticated {user}", extra


@pytest.mark.db
@pytest.mark.parametrize(
    ("issuer", "subject"),
    [
        ("https://other.test", "local|alice"),
        (ISSUER, "local|alice "),
        (ISSUER, "LOCAL|ALICE"),
        (ISSUER, "local|alice' or true --"),
        (ISSUER, '","sub":"local|alice'),
        (ISSUER, "\\u0000"),
        (ISSUER, "%"),
    ],
)
def test_who_is_not_exactly_the_user_is_nobody(db: Database, issuer: str, subject: str) -> None:
    identity = Identity(issuer=issuer, subject=subject, expires_at=time.time() + 60)

    with pytest.raises(Forbidden) as raised:
        open_reader(db, SIGNED_IN, identity, {}, Deadline.after(10)).value("select 1")

    assert raised.value.code == "not_provisioned"


@pytest.mark.db
@pytest.mark.parametrize(
    ("rule", "identity", "known"),
    [(PUBLIC, None, None), (TOKEN, STRANGER, None), (TOKEN, BOB, BOB), (SIGNED_IN, BOB, BOB)],
)
def test_the_user_is_the_platforms(
    lab: Lab, db: Database, rule: Rule, identity: Identity | None, known: Identity | None
) -> None:
    user = open_reader(db, rule, identity, {}, Deadline.after(10)).value("select auth.uid()::text")

    assert user == (None if known is None else lab.user_id(known))


@pytest.mark.db
def test_a_stranger_keeps_his_tokens_name(db: Database) -> None:
    claims = open_reader(db, TOKEN, STRANGER, {}, Deadline.after(10)).value(CLAIMS)

    assert claims["sub"] is None
    assert claims["outer_sub"] == "local|stranger"


@pytest.mark.db
def test_public_has_no_claims_but_its_role(db: Database) -> None:
    assert open_reader(db, PUBLIC, ALICE, {}, Deadline.after(10)).value(CLAIMS) == {"role": "anon"}


@pytest.mark.db
def test_limits_come_from_the_time_left(db: Database) -> None:
    reader = open_reader(db, SIGNED_IN, ALICE, {}, Deadline.after(10))
    tx = open_transaction(db, SIGNED_IN, ALICE, {}, Deadline.after(10))

    assert 9_000 < reader.value(MILLISECONDS, {"name": "statement_timeout"}) <= 9_500
    for name in ("statement_timeout", "idle_in_transaction_session_timeout"):
        assert 9_000 < tx.value(MILLISECONDS, {"name": name}) <= 9_500
    tx.rollback()


@pytest.mark.db
def test_later_statements_have_less_time(db: Database) -> None:
    deadline = Deadline.after(20)
    tx = open_transaction(db, SIGNED_IN, ALICE, {}, deadline)

    first = tx.value(MILLISECONDS, {"name": "statement_timeout"})
    deadline.at_s -= 10
    second = tx.value(MILLISECONDS, {"name": "statement_timeout"})
    tx.rollback()

    assert second <= first - 10_000


@pytest.mark.db
@pytest.mark.parametrize("left_s", [0.4, -1.0])
def test_without_time_nothing_is_sent(proxied: Database, proxy: Proxy, left_s: float) -> None:
    with pytest.raises(GatewayTimeout):
        open_reader(proxied, SIGNED_IN, ALICE, {}, Deadline.after(left_s)).value("select 1")
    tx = open_transaction(proxied, SIGNED_IN, ALICE, {}, Deadline.after(left_s))
    with pytest.raises(GatewayTimeout):
        tx.value("select 1")
    tx.rollback()

    assert proxy.round_trips() == 0
    assert proxy.connections == 0


@pytest.mark.db
def test_names_are_found_in_no_schema_but_those_of_the_settings(lab: Lab) -> None:
    unset = Database(lab.settings)
    lab_first = Database(Settings(database_url=lab.local.login_url, search_path="lab, access"))
    count = "select count(*) from notes"

    with pytest.raises(OrgError) as raised:
        open_reader(unset, SIGNED_IN, ALICE, {}, Deadline.after(10)).value(count)
    assert raised.value.status == 500
    assert open_reader(unset, SIGNED_IN, ALICE, {}, Deadline.after(10)).value("select current_schemas(false)") == []

    assert open_reader(lab_first, SIGNED_IN, ALICE, {}, Deadline.after(10)).value(count) == 0
    unset.close()
    lab_first.close()


@pytest.mark.db
@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(
    ("search_path", "schemas"),
    [
        ("", []),
        ("lab", ["lab"]),
        ("lab, access", ["lab", "access"]),
        (' "access" ,LAB,nowhere', ["access", "lab"]),
        ('"\'""o", lab', ["lab"]),
    ],
)
def test_search_path_is_the_same_in_each_profile(lab: Lab, profile: str, search_path: str, schemas: list[str]) -> None:
    db = Database(Settings(database_url=lab.local.login_url, database_profile=profile, search_path=search_path))
    for handle in (
        open_reader(db, SIGNED_IN, ALICE, {}, Deadline.after(10)),
        open_transaction(db, SIGNED_IN, ALICE, {}, Deadline.after(10)),
    ):
        assert handle.value("select current_schemas(false)") == schemas
        if isinstance(handle, Transaction):
            handle.rollback()
    db.close()


@pytest.mark.db
@pytest.mark.parametrize("profile", PROFILES)
def test_reading_is_read_only_and_writing_ends_at_the_deadline_in_each_profile(lab: Lab, profile: str) -> None:
    db = Database(Settings(database_url=lab.local.login_url, database_profile=profile))
    insert = "insert into lab.notes (id, body) values (1, 'x') returning id"

    with pytest.raises(OrgError) as raised:
        open_reader(db, SIGNED_IN, ALICE, {}, Deadline.after(10)).value(insert)
    assert raised.value.status == 500
    assert lab.notes() == []

    tx = open_transaction(db, SIGNED_IN, ALICE, {}, Deadline.after(10))
    assert tx.value(insert) == 1
    assert 9_000 < tx.value(MILLISECONDS, {"name": "idle_in_transaction_session_timeout"}) <= 9_500
    tx.commit()
    assert lab.notes() == [1]
    db.close()


@pytest.mark.db
@pytest.mark.parametrize(("profile", "kept"), [("direct", ""), ("transaction-pooler", "moved")])
def test_what_a_function_sets_for_the_session_ends_with_the_transaction_on_a_direct_connection(
    lab: Lab, profile: str, kept: str
) -> None:
    db = Database(Settings(database_url=lab.local.login_url, database_profile=profile))
    for _ in range(2):
        tx = open_transaction(db, SIGNED_IN, ALICE, {}, Deadline.after(10))
        found = tx.value("select coalesce(current_setting('lab.where', true), '')")
        tx.value("select lab.move('lab.where', 'moved', false)")
        tx.commit()

    assert found == kept
    reader = open_reader(db, SIGNED_IN, ALICE, {}, Deadline.after(10))
    assert reader.value("select coalesce(current_setting('lab.where', true), '')") == kept
    db.close()


@pytest.mark.parametrize(("search_path", "has"), [("", False), ("lab", True)])
def test_search_path_decides_whether_bare_names_are_found(search_path: str, has: bool) -> None:
    assert SessionSetup(SIGNED_IN, ALICE, {}, Deadline.after(10), search_path).has_search_path is has
