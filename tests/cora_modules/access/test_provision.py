"""The first sign-in: whom it lets in, as what, in which order; and whom it does not."""

from typing import Any
from uuid import UUID

import pytest

from org_common.testing.client import ISSUER, Answer
from tests.cora_modules.access.arrivals import memberships, open_domain, provision, without_owner
from tests.cora_modules.access.world import ACME, ACME_DOMAIN, GLOBEX, GLOBEX_DOMAIN, IDS, Somebody, World

pytestmark = pytest.mark.db

NEWCOMER = Somebody("new", email="new@acme-zq7.example")


def user(world: World, answer: Answer) -> dict[str, Any]:
    return world.row("users", answer.json()["id"])


# --- by an invitation -------------------------------------------------------------------------


def test_invited_email_becomes_a_member_with_the_role_of_the_invitation(world: World) -> None:
    answer = provision(world, Somebody("new", email="boss@zq7.example"))

    assert (answer.status, answer.json()["email"], answer.json()["sysRole"]) == (200, "boss@zq7.example", "sys_user")
    assert memberships(answer) == {ACME: "org_owner"}


def test_email_is_compared_and_kept_in_lower_case(world: World) -> None:
    answer = provision(world, Somebody("new", email="Guest@ZQ7.example"))

    assert (answer.status, answer.json()["email"]) == (200, "guest@zq7.example")


def test_all_who_invited_the_email_have_it_as_a_member(world: World) -> None:
    world.invite(GLOBEX, "boss@zq7.example", "org_admin", inviter="bob", token="other")

    answer = provision(world, Somebody("new", email="boss@zq7.example"))

    assert memberships(answer) == {ACME: "org_owner", GLOBEX: "org_admin"}


def test_invitation_is_used_up_by_it(world: World) -> None:
    answer = provision(world, "guest")

    (invite,) = [row for row in world.rows("invites") if row["email"] == "guest@zq7.example"]
    (member,) = [row for row in world.rows("org_members") if str(row["user_id"]) == answer.json()["id"]]
    assert (invite["status"], str(invite["accepted_by"])) == ("accepted", answer.json()["id"])
    assert member["added_by"] == IDS["alice"]


@pytest.mark.parametrize("state", ["late", "expired", "revoked", "accepted"])
def test_closed_invitation_lets_nobody_in(still_world: World, state: str) -> None:
    answer = provision(still_world, Somebody("new", email=f"{state}@zq7.example"))

    assert (answer.status, answer.json()["code"]) == (403, "not_invited")


# --- by a domain ------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["org_user", "org_admin"])
def test_verified_domain_lets_in_with_its_role(world: World, role: str) -> None:
    open_domain(world, default_role=role)

    answer = provision(world, NEWCOMER)

    assert (answer.status, memberships(answer)) == (200, {ACME: role})


@pytest.mark.parametrize(
    "values", [{"verified_at": None}, {"auto_provision": False}], ids=["not-verified", "not-for-all"]
)
def test_domain_that_is_not_both_lets_nobody_in(world: World, values: dict[str, object]) -> None:
    open_domain(world, **values)

    answer = provision(world, NEWCOMER)

    assert (answer.status, answer.json()["code"]) == (403, "not_invited")


def test_domain_lets_in_once_an_admin_of_the_platform_has_verified_it(world: World) -> None:
    world.as_("dave").patch(f"/orgs/{ACME}/email-domains/{ACME_DOMAIN}", {"autoProvision": True})
    before = provision(world, NEWCOMER)
    world.as_("sam").post(f"/admin/sys/email-domains/{ACME_DOMAIN}/verify")

    after = provision(world, NEWCOMER)

    assert (before.status, after.status) == (403, 200)


def test_invitation_comes_before_the_domain(world: World) -> None:
    open_domain(world)
    world.invite(GLOBEX, "new@acme-zq7.example", "org_admin", inviter="bob")

    assert memberships(provision(world, NEWCOMER)) == {GLOBEX: "org_admin"}


SPOOFS = [
    "new@evil-acme-zq7.example",
    "new@sub.acme-zq7.example",
    "new@acme-zq7.example.evil.example",
    "new@acme-zq7.example.",
    "new@evil.example@acme-zq7.example",
    '"new@evil.example"@acme-zq7.example',
    "new@acme-zq7.example@evil.example",
    "new @acme-zq7.example",
    "@acme-zq7.example",
    "acme-zq7.example",
    "new@acme-zq7\u3002example",
    "new@\u0430cme-zq7.example",
    "\u212a@acme-zq7.example",
    "new%evil.example@acme-zq7.example,x@acme-zq7.example",
    "x" * 255 + "@acme-zq7.example",
]


@pytest.mark.parametrize("email", SPOOFS)
def test_email_that_only_looks_like_one_of_the_domain_proves_nothing(world: World, email: str) -> None:
    open_domain(world)

    answer = provision(world, Somebody("new", email=email))

    assert (answer.status, answer.json()["code"]) == (403, "not_invited")


# --- nobody -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "person",
    [
        Somebody("new"),
        Somebody("new", email="new@zq7.example"),
        Somebody("new", email="boss@zq7.example", verified=False),
        Somebody("new", email="alice@zq7.example"),
        Somebody("alice", issuer="https://other.test", email="alice@zq7.example"),
    ],
    ids=["no-email", "not-invited", "unverified", "email-of-a-user", "other-issuer"],
)
def test_stranger_is_told_that_nobody_invited_him(still_world: World, person: Somebody) -> None:
    before = still_world.everything()

    answer = provision(still_world, person)

    assert (answer.status, answer.json()["code"]) == (403, "not_invited")
    assert still_world.everything() == before


@pytest.mark.parametrize(
    "person",
    [
        Somebody("other", email="guest@zq7.example"),
        Somebody("guest", issuer="https://other.test", email="guest@zq7.example"),
    ],
    ids=["other-subject", "other-issuer"],
)
def test_identity_is_never_linked_by_its_email(world: World, person: Somebody) -> None:
    provision(world, "guest")
    world.invite(GLOBEX, "guest@zq7.example", inviter="bob", token="other")
    before = world.everything()

    answer = provision(world, person)

    assert (answer.status, answer.json()["code"]) == (409, "email_taken")
    assert world.everything() == before


def test_email_of_a_deactivated_account_is_free(world: World) -> None:
    first = provision(world, "guest")
    world.as_("sam").patch(f"/admin/sys/users/{first.json()['id']}", {"isActive": False})
    world.invite(GLOBEX, "guest@zq7.example", inviter="bob", token="other")

    second = provision(world, Somebody("guest2", email="guest@zq7.example"))

    assert (second.status, memberships(second)) == (200, {GLOBEX: "org_user"})
    assert second.json()["id"] != first.json()["id"]


def test_deactivated_user_is_told_so_and_gets_no_second_account(world: World) -> None:
    open_domain(world)
    provision(world, NEWCOMER)
    world.admin.execute("update access.users set is_active = false where email = %s", [NEWCOMER.email])
    before = world.everything()

    answer = provision(world, NEWCOMER)

    assert (answer.status, answer.json()["code"]) == (403, "deactivated")
    assert world.everything() == before


def test_deactivation_holds_against_another_token_of_the_same_mailbox(world: World) -> None:
    open_domain(world)
    first = provision(world, NEWCOMER)
    world.as_("sam").patch(f"/admin/sys/users/{first.json()['id']}", {"isActive": False})
    before = world.everything()

    answer = provision(world, Somebody("new-google", email="New@acme-zq7.example"))

    assert (answer.status, answer.json()["code"]) == (403, "deactivated")
    assert world.everything() == before


def test_invitation_lets_a_deactivated_colleague_of_a_domain_in_again(world: World) -> None:
    open_domain(world)
    first = provision(world, NEWCOMER)
    world.as_("sam").patch(f"/admin/sys/users/{first.json()['id']}", {"isActive": False})
    world.invite(GLOBEX, "new@acme-zq7.example", inviter="bob")

    assert memberships(provision(world, Somebody("new-google", email="new@acme-zq7.example"))) == {GLOBEX: "org_user"}


# --- again ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["alice", "erin", "sam", "root"])
def test_known_user_is_answered_as_he_is(still_world: World, name: str) -> None:
    answer = provision(still_world, name)

    assert answer.status == 200
    assert answer.json() == still_world.as_(name).get("/users/me").json()


def test_known_user_is_not_changed_by_what_is_open_for_him(world: World) -> None:
    open_domain(world)
    world.invite(GLOBEX, "erin@acme-zq7.example", "org_owner", inviter="bob")
    without_owner(world)
    before = world.everything()

    answer = provision(world, Somebody("erin", email="erin@acme-zq7.example"))

    assert (answer.status, memberships(answer)) == (200, {})
    assert world.everything() == before


def test_second_time_is_the_same_user(world: World) -> None:
    first, second = provision(world, "guest"), provision(world, "guest")

    assert first.json() == second.json()


def test_body_names_nobody(still_world: World) -> None:
    body = {"sub": "local|alice", "email": "alice@zq7.example", "userId": str(IDS["alice"])}

    answer = still_world.as_("stranger").post("/users/me/provision", body)

    assert (answer.status, answer.json()["code"]) == (403, "not_invited")


# --- what is made -----------------------------------------------------------------------------


def test_everything_is_made_in_one_transaction_by_the_user_himself(world: World) -> None:
    answer = provision(world, "guest")

    # `now()` is the transaction's: rows with the same time of it were made in the same one.
    found = world.admin.execute(
        """
        select array[u.created_by, i.created_by, m.created_by, l.created_by, v.updated_by] as makers
        from access.users u
        join access.user_identities i on i.user_id = u.id and i.created_at = u.created_at
        join access.org_members m on m.user_id = u.id and m.created_at = u.created_at
        join access.auth_log l on l.user_id = u.id and l.created_at = u.created_at
        join access.invites v on v.accepted_by = u.id and v.updated_at = u.created_at
        where u.id = %s
        """,
        [answer.json()["id"]],
    ).fetchall()
    assert [row["makers"] for row in found] == [[UUID(answer.json()["id"])] * 5]


def test_identity_is_that_of_the_token(world: World) -> None:
    answer = provision(world, "guest")

    (identity,) = [row for row in world.rows("user_identities") if row["subject"] == "local|guest"]
    assert (identity["issuer"], str(identity["user_id"])) == (ISSUER, answer.json()["id"])


@pytest.mark.parametrize(
    ("by", "person"), [("invite", "guest"), ("domain", NEWCOMER), ("bootstrap", Somebody("first"))]
)
def test_log_says_what_let_him_in(world: World, by: str, person: str | Somebody) -> None:
    open_domain(world)
    without_owner(world)

    answer = provision(world, person)

    (line,) = [row for row in world.rows("auth_log") if str(row["user_id"]) == answer.json()["id"]]
    assert (line["event"], line["detail"]) == ("provisioned", {"by": by})


def test_nothing_is_kept_when_a_part_fails(world: World) -> None:
    before = world.everything()
    world.admin.execute("alter table access.org_members add constraint closed check (false) not valid")

    answer = provision(world, "guest")

    world.admin.execute("alter table access.org_members drop constraint closed")
    assert answer.status == 422
    assert world.everything() == before


def test_only_one_organization_has_a_verified_domain(world: World) -> None:
    world.as_("bob").post(f"/orgs/{GLOBEX}/email-domains", {"domain": "acme-zq7.example", "autoProvision": True})
    open_domain(world)
    (claimed,) = [
        row for row in world.rows("org_email_domains") if row["org_id"] == GLOBEX and row["id"] != GLOBEX_DOMAIN
    ]

    answer = world.as_("sam").post(f"/admin/sys/email-domains/{claimed['id']}/verify")

    assert (answer.status, answer.json()["code"]) == (409, "duplicate")
    assert memberships(provision(world, NEWCOMER)) == {ACME: "org_user"}
