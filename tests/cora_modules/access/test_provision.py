"""The first sign-in: who is admitted, with which role, and which condition decides first."""

from typing import Any
from uuid import UUID

import pytest

from org_common.testing.client import ISSUER, Answer
from tests.cora_modules.access.arrivals import memberships, open_domain, provision, remove_sys_owners
from tests.cora_modules.access.world import ACME, ACME_DOMAIN, GLOBEX, GLOBEX_DOMAIN, IDS, TokenHolder, World

pytestmark = pytest.mark.db

NEWCOMER = TokenHolder("new", email="new@acme-zq7.example")


def user(world: World, response: Answer) -> dict[str, Any]:
    return world.row("users", response.json()["id"])


# --- by an invitation -------------------------------------------------------------------------


def test_invited_email_becomes_a_member_with_the_invited_role(world: World) -> None:
    response = provision(world, TokenHolder("new", email="boss@zq7.example"))

    assert (response.status, response.json()["email"], response.json()["sysRole"]) == (
        200,
        "boss@zq7.example",
        "sys_user",
    )
    assert memberships(response) == {ACME: "org_owner"}


def test_email_is_compared_and_stored_in_lower_case(world: World) -> None:
    response = provision(world, TokenHolder("new", email="Guest@ZQ7.example"))

    assert (response.status, response.json()["email"]) == (200, "guest@zq7.example")


def test_all_open_invitations_of_the_email_are_accepted(world: World) -> None:
    world.invite(GLOBEX, "boss@zq7.example", "org_admin", inviter="bob", token="other")

    response = provision(world, TokenHolder("new", email="boss@zq7.example"))

    assert memberships(response) == {ACME: "org_owner", GLOBEX: "org_admin"}


def test_first_sign_in_accepts_the_invitation(world: World) -> None:
    response = provision(world, "guest")

    (invite,) = [row for row in world.rows("invites") if row["email"] == "guest@zq7.example"]
    (member,) = [row for row in world.rows("org_members") if str(row["user_id"]) == response.json()["id"]]
    assert (invite["status"], str(invite["accepted_by"])) == ("accepted", response.json()["id"])
    assert member["added_by"] == IDS["alice"]


@pytest.mark.parametrize("state", ["late", "expired", "revoked", "accepted"])
def test_closed_invitation_admits_no_one(readonly_world: World, state: str) -> None:
    response = provision(readonly_world, TokenHolder("new", email=f"{state}@zq7.example"))

    assert (response.status, response.json()["code"]) == (403, "not_invited")


# --- by a domain ------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["org_user", "org_admin"])
def test_verified_domain_admits_with_its_role(world: World, role: str) -> None:
    open_domain(world, default_role=role)

    response = provision(world, NEWCOMER)

    assert (response.status, memberships(response)) == (200, {ACME: role})


@pytest.mark.parametrize(
    "values", [{"verified_at": None}, {"auto_provision": False}], ids=["not-verified", "no-auto-provision"]
)
def test_domain_must_be_verified_and_auto_provision(world: World, values: dict[str, object]) -> None:
    open_domain(world, **values)

    response = provision(world, NEWCOMER)

    assert (response.status, response.json()["code"]) == (403, "not_invited")


def test_domain_admits_users_once_it_is_verified(world: World) -> None:
    world.as_("dave").patch(f"/orgs/{ACME}/email-domains/{ACME_DOMAIN}", {"autoProvision": True})
    before = provision(world, NEWCOMER)
    world.as_("sam").post(f"/admin/sys/email-domains/{ACME_DOMAIN}/verify")

    after = provision(world, NEWCOMER)

    assert (before.status, after.status) == (403, 200)


def test_invitation_precedes_the_domain(world: World) -> None:
    open_domain(world)
    world.invite(GLOBEX, "new@acme-zq7.example", "org_admin", inviter="bob")

    assert memberships(provision(world, NEWCOMER)) == {GLOBEX: "org_admin"}


SIMILAR_EMAILS = [
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


@pytest.mark.parametrize("email", SIMILAR_EMAILS)
def test_email_of_a_similar_domain_is_not_admitted(world: World, email: str) -> None:
    open_domain(world)

    response = provision(world, TokenHolder("new", email=email))

    assert (response.status, response.json()["code"]) == (403, "not_invited")


# --- not admitted -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "person",
    [
        TokenHolder("new"),
        TokenHolder("new", email="new@zq7.example"),
        TokenHolder("new", email="boss@zq7.example", verified=False),
        TokenHolder("new", email="alice@zq7.example"),
        TokenHolder("alice", issuer="https://other.test", email="alice@zq7.example"),
    ],
    ids=["no-email", "not-invited", "unverified", "email-of-a-user", "other-issuer"],
)
def test_caller_without_an_invitation_is_refused(readonly_world: World, person: TokenHolder) -> None:
    before = readonly_world.everything()

    response = provision(readonly_world, person)

    assert (response.status, response.json()["code"]) == (403, "not_invited")
    assert readonly_world.everything() == before


@pytest.mark.parametrize(
    "person",
    [
        TokenHolder("other", email="guest@zq7.example"),
        TokenHolder("guest", issuer="https://other.test", email="guest@zq7.example"),
    ],
    ids=["other-subject", "other-issuer"],
)
def test_identity_is_never_linked_by_its_email(world: World, person: TokenHolder) -> None:
    provision(world, "guest")
    world.invite(GLOBEX, "guest@zq7.example", inviter="bob", token="other")
    before = world.everything()

    response = provision(world, person)

    assert (response.status, response.json()["code"]) == (409, "email_taken")
    assert world.everything() == before


def test_email_of_a_deactivated_account_is_free(world: World) -> None:
    first = provision(world, "guest")
    world.as_("sam").patch(f"/admin/sys/users/{first.json()['id']}", {"isActive": False})
    world.invite(GLOBEX, "guest@zq7.example", inviter="bob", token="other")

    second = provision(world, TokenHolder("guest2", email="guest@zq7.example"))

    assert (second.status, memberships(second)) == (200, {GLOBEX: "org_user"})
    assert second.json()["id"] != first.json()["id"]


def test_deactivated_user_gets_no_second_account(world: World) -> None:
    open_domain(world)
    provision(world, NEWCOMER)
    world.admin.execute("update access.users set is_active = false where email = %s", [NEWCOMER.email])
    before = world.everything()

    response = provision(world, NEWCOMER)

    assert (response.status, response.json()["code"]) == (403, "deactivated")
    assert world.everything() == before


def test_deactivation_applies_to_another_token_of_the_same_mailbox(world: World) -> None:
    open_domain(world)
    first = provision(world, NEWCOMER)
    world.as_("sam").patch(f"/admin/sys/users/{first.json()['id']}", {"isActive": False})
    before = world.everything()

    response = provision(world, TokenHolder("new-google", email="New@acme-zq7.example"))

    assert (response.status, response.json()["code"]) == (403, "deactivated")
    assert world.everything() == before


def test_invitation_readmits_the_mailbox_of_a_deactivated_user(world: World) -> None:
    open_domain(world)
    first = provision(world, NEWCOMER)
    world.as_("sam").patch(f"/admin/sys/users/{first.json()['id']}", {"isActive": False})
    world.invite(GLOBEX, "new@acme-zq7.example", inviter="bob")

    assert memberships(provision(world, TokenHolder("new-google", email="new@acme-zq7.example"))) == {
        GLOBEX: "org_user"
    }


# --- known users ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["alice", "erin", "sam", "root"])
def test_known_user_is_returned_unchanged(readonly_world: World, name: str) -> None:
    response = provision(readonly_world, name)

    assert response.status == 200
    assert response.json() == readonly_world.as_(name).get("/users/me").json()


def test_known_user_is_not_changed_by_domain_or_invitation(world: World) -> None:
    open_domain(world)
    world.invite(GLOBEX, "erin@acme-zq7.example", "org_owner", inviter="bob")
    remove_sys_owners(world)
    before = world.everything()

    response = provision(world, TokenHolder("erin", email="erin@acme-zq7.example"))

    assert (response.status, memberships(response)) == (200, {})
    assert world.everything() == before


def test_second_request_returns_the_same_user(world: World) -> None:
    first, second = provision(world, "guest"), provision(world, "guest")

    assert first.json() == second.json()


def test_body_is_ignored(readonly_world: World) -> None:
    body = {"sub": "local|alice", "email": "alice@zq7.example", "userId": str(IDS["alice"])}

    response = readonly_world.as_("stranger").post("/users/me/provision", body)

    assert (response.status, response.json()["code"]) == (403, "not_invited")


# --- the new rows -----------------------------------------------------------------------------


def test_everything_is_created_in_one_transaction_by_the_new_user(world: World) -> None:
    response = provision(world, "guest")

    # `now()` is the start of the transaction: rows with the same time belong to the same one.
    rows = world.admin.execute(
        """
        select array[u.created_by, i.created_by, m.created_by, l.created_by, v.updated_by] as authors
        from access.users u
        join access.user_identities i on i.user_id = u.id and i.created_at = u.created_at
        join access.org_members m on m.user_id = u.id and m.created_at = u.created_at
        join access.auth_log l on l.user_id = u.id and l.created_at = u.created_at
        join access.invites v on v.accepted_by = u.id and v.updated_at = u.created_at
        where u.id = %s
        """,
        [response.json()["id"]],
    ).fetchall()
    assert [row["authors"] for row in rows] == [[UUID(response.json()["id"])] * 5]


def test_identity_is_that_of_the_token(world: World) -> None:
    response = provision(world, "guest")

    (identity,) = [row for row in world.rows("user_identities") if row["subject"] == "local|guest"]
    assert (identity["issuer"], str(identity["user_id"])) == (ISSUER, response.json()["id"])


@pytest.mark.parametrize(
    ("by", "person"), [("invite", "guest"), ("domain", NEWCOMER), ("bootstrap", TokenHolder("first"))]
)
def test_log_has_what_admitted_the_user(world: World, by: str, person: str | TokenHolder) -> None:
    open_domain(world)
    remove_sys_owners(world)

    response = provision(world, person)

    (line,) = [row for row in world.rows("auth_log") if str(row["user_id"]) == response.json()["id"]]
    assert (line["event"], line["detail"]) == ("provisioned", {"by": by})


def test_failure_rolls_everything_back(world: World) -> None:
    before = world.everything()
    world.admin.execute("alter table access.org_members add constraint closed check (false) not valid")

    response = provision(world, "guest")

    world.admin.execute("alter table access.org_members drop constraint closed")
    assert response.status == 422
    assert world.everything() == before


def test_only_one_organization_has_a_verified_domain(world: World) -> None:
    world.as_("bob").post(f"/orgs/{GLOBEX}/email-domains", {"domain": "acme-zq7.example", "autoProvision": True})
    open_domain(world)
    (claimed,) = [
        row for row in world.rows("org_email_domains") if row["org_id"] == GLOBEX and row["id"] != GLOBEX_DOMAIN
    ]

    response = world.as_("sam").post(f"/admin/sys/email-domains/{claimed['id']}/verify")

    assert (response.status, response.json()["code"]) == (409, "duplicate")
    assert memberships(provision(world, NEWCOMER)) == {ACME: "org_user"}
