"""Deactivated and removed users stay out: every spelling of their mailbox, and every way back in."""

from collections.abc import Callable
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from org_common.testing.client import ISSUER, Answer
from tests.cora_modules.access.arrivals import accept, memberships, open_domain, provision, roles_of
from tests.cora_modules.access.world import ACME, GLOBEX, IDS, TokenHolder, World, invite_token

pytestmark = pytest.mark.db

EVE = "eve@acme-zq7.example"
EVIL = "https://other.test"
# Each reaches eve's mailbox, or may: whether dots count is known to the provider alone.
SPELLINGS = [
    EVE,
    "EVE@acme-zq7.example",
    "Eve@ACME-zq7.Example",
    "eve+1@acme-zq7.example",
    "eve+@acme-zq7.example",
    "eve+a+b@acme-zq7.example",
    "EVE+News@acme-zq7.example",
    "eve+a.b@acme-zq7.example",
    "e.ve@acme-zq7.example",
    "e.v.e@acme-zq7.example",
    "eve.@acme-zq7.example",
    ".eve@acme-zq7.example",
    "e..ve@acme-zq7.example",
    "E.ve+1@acme-zq7.example",
]
OTHERS = ["eve2@acme-zq7.example", "ev@acme-zq7.example", "eve-1@acme-zq7.example", "eve_1@acme-zq7.example"]


def join(world: World, email: str = EVE) -> str:
    """Let a user join Acme by its domain; returns their id."""
    open_domain(world)
    response = provision(world, TokenHolder("eve", email=email))
    assert response.status == 200, response
    return str(response.json()["id"])


def deactivate(world: World, user_id: str) -> None:
    assert world.as_("sam").patch(f"/admin/sys/users/{user_id}", {"isActive": False}).status == 200


def remove(world: World, user_id: str) -> None:
    assert world.as_("alice").delete(f"/orgs/{ACME}/members/{user_id}").status == 204


def leave(world: World, user_id: str) -> None:
    eve = world.as_(TokenHolder("eve", email=EVE))
    assert eve.delete(f"/orgs/{ACME}/members/{user_id}").status == 204


def came_back(world: World, response: Answer) -> bool:
    """Whether the response, or any row, shows an active member of Acme with eve's mailbox other than by her choice."""
    actives = {row["id"] for row in world.rows("users") if row["is_active"] and row["id"] not in IDS.values()}
    return response.status == 200 or any(
        row["user_id"] in actives for row in world.rows("org_members") if row["org_id"] == ACME
    )


# --- spellings of a mailbox -------------------------------------------------------------------


@pytest.mark.parametrize("issuer", [ISSUER, EVIL], ids=["same-issuer", "other-issuer"])
@pytest.mark.parametrize("fall", [deactivate, remove, leave])
@pytest.mark.parametrize("email", SPELLINGS)
def test_domain_readmits_no_spelling(world: World, email: str, fall: Callable[[World, str], None], issuer: str) -> None:
    fall(world, join(world))
    before = world.everything()

    response = provision(world, TokenHolder("eve2", email=email, issuer=issuer))

    assert not came_back(world, response)
    assert world.everything() == before
    if fall is deactivate:
        assert (response.status, response.json()["code"]) == (403, "deactivated")


@pytest.mark.parametrize("first", ["eve+1@acme-zq7.example", "e.ve@acme-zq7.example"])
@pytest.mark.parametrize("email", SPELLINGS)
def test_every_spelling_counts_as_the_first(world: World, first: str, email: str) -> None:
    deactivate(world, join(world, first))

    assert provision(world, TokenHolder("eve2", email=email)).json()["code"] == "deactivated"


@pytest.mark.parametrize("email", OTHERS)
def test_other_mailboxes_of_the_domain_are_admitted(world: World, email: str) -> None:
    deactivate(world, join(world))

    assert memberships(provision(world, TokenHolder("other", email=email))) == {ACME: "org_user"}


@pytest.mark.parametrize("email", [spelling for spelling in SPELLINGS if "." not in spelling.partition("@")[0]])
def test_mailbox_has_one_active_account(world: World, email: str) -> None:
    """Otherwise a second account, made in time, would outlive the deactivation of the first."""
    join(world)

    response = provision(world, TokenHolder("eve2", email=email))

    assert (response.status, response.json()["code"]) == (409, "email_taken")


local_parts = st.text(alphabet="abcxyz019_-", min_size=1, max_size=12)
tags = st.text(alphabet="abc.+-_=1", max_size=8)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    local=local_parts, tag=tags, domain=st.sampled_from(["gmail.com", "googlemail.com", "x.example"]), data=st.data()
)
def test_spellings_share_a_mailbox(
    readonly_world: World, local: str, tag: str, domain: str, data: st.DataObject
) -> None:
    cases = "".join(data.draw(st.sampled_from([sign, sign.upper()])) for sign in local)
    dots = ""
    if domain != "x.example":
        dots = "".join(sign + data.draw(st.sampled_from(["", ".", ".."])) for sign in cases)
    spellings = [
        f"{local}@{domain}",
        f"{cases}@{domain.upper()}",
        f"{cases}+{tag}@{domain}",
        f"{dots or cases}@{domain}",
    ]

    query = "select array_agg(distinct access.mailbox(a)) as mailboxes from unnest(%s::text[]) a"
    row = readonly_world.admin.execute(query, [spellings]).fetchone()

    expected = "gmail.com" if domain != "x.example" else domain
    assert row is not None
    assert row["mailboxes"] == [f"{local}@{expected}"]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(one=local_parts, other=local_parts)
def test_different_mailboxes_stay_different(readonly_world: World, one: str, other: str) -> None:
    query = "select access.mailbox(%s) = access.mailbox(%s) as same"
    row = readonly_world.admin.execute(query, [f"{one}@x.example", f"{other}@x.example"]).fetchone()

    assert row == {"same": one == other}


@pytest.mark.parametrize(
    ("rule", "email", "mailbox"),
    [
        ({}, "a-b.c_d+x@p.example", "a-b.c_d@p.example"),
        ({"ignored": "."}, "a.b-c@p.example", "ab-c@p.example"),
        ({"ignored": ".-_"}, "a.b-c_d@p.example", "abcd@p.example"),
        ({"tags": "-"}, "a-b@p.example", "a@p.example"),
        ({"tags": "-="}, "a=b-c+d@p.example", "a@p.example"),
        ({"same_as": "q.example"}, "a@p.example", "a@q.example"),
    ],
)
def test_operator_declares_what_a_provider_ignores(
    world: World, rule: dict[str, str], email: str, mailbox: str
) -> None:
    user_id = world.insert("users", email=email)

    world.insert("mailbox_rules", domain="p.example", **rule)

    assert world.row("users", user_id)["mailbox"] == mailbox


def test_rule_that_makes_two_active_accounts_one_is_refused(world: World) -> None:
    for email in ("a.b@p.example", "ab@p.example"):
        world.insert("users", email=email)

    with pytest.raises(Exception, match="users_mailbox"):
        world.insert("mailbox_rules", domain="p.example", ignored=".")


# --- ways back ----------------------------------------------------------------------------------


def invite_by_accomplice(world: World, email: str = EVE) -> str:
    return world.invite(GLOBEX, email, inviter="bob")


@pytest.mark.parametrize("email", [EVE, "eve+x@acme-zq7.example"])
@pytest.mark.parametrize("org_id", [ACME, GLOBEX], ids=["own-org", "other-org"])
@pytest.mark.parametrize("how", ["provision", "accept"])
def test_invitation_from_before_the_deactivation_readmits_no_one(
    world: World, org_id: UUID, email: str, how: str
) -> None:
    user_id = join(world)
    token = world.invite(org_id, email, inviter="alice" if org_id == ACME else "bob")
    deactivate(world, user_id)
    back = TokenHolder("eve2", email=email)

    response = provision(world, back) if how == "provision" else accept(world, back, token)

    assert response.status in (403, 410)
    assert not came_back(world, response)
    assert {row["status"] for row in world.rows("invites") if row["email"] == email} == {"revoked"}


@pytest.mark.parametrize("email", [EVE, "eve+x@acme-zq7.example"])
@pytest.mark.parametrize("how", ["provision", "accept"])
def test_new_invitation_of_another_organization_readmits_no_one(world: World, email: str, how: str) -> None:
    deactivate(world, join(world))
    token = invite_by_accomplice(world, email)
    back = TokenHolder("eve2", email=email)

    response = provision(world, back) if how == "provision" else accept(world, back, token)

    assert (response.status, response.json()["code"]) == (403, "deactivated")
    assert not came_back(world, response)


@pytest.mark.parametrize("left", [False, True], ids=["member", "former-member"])
@pytest.mark.parametrize("how", ["provision", "accept"])
def test_new_invitation_of_an_organization_they_belonged_to_readmits(world: World, left: bool, how: str) -> None:
    user_id = join(world)
    if left:
        remove(world, user_id)
    deactivate(world, user_id)
    invited = world.as_("alice").post(f"/orgs/{ACME}/invites", {"email": EVE})
    back = TokenHolder("eve2", email=EVE)

    response = provision(world, back) if how == "provision" else accept(world, back, invited.json()["token"])

    assert memberships(response) == {ACME: "org_user"}
    assert response.json()["id"] != user_id


def test_readmitted_user_accepts_invitations_of_others(world: World) -> None:
    deactivate(world, join(world))
    world.as_("alice").post(f"/orgs/{ACME}/invites", {"email": EVE})
    back = TokenHolder("eve2", email=EVE)
    provision(world, back)

    assert memberships(accept(world, back, invite_by_accomplice(world))) == {ACME: "org_user", GLOBEX: "org_user"}


def test_administrator_of_the_platform_readmits(world: World) -> None:
    user_id = join(world)
    deactivate(world, user_id)

    activated = world.as_("sam").patch(f"/admin/sys/users/{user_id}", {"isActive": True})

    assert activated.status == 200
    assert provision(world, TokenHolder("eve", email=EVE)).json()["id"] == user_id
    assert roles_of(world, user_id) == {ACME: "org_user"}


def test_old_token_stays_out_after_a_readmission(world: World) -> None:
    deactivate(world, join(world))
    world.as_("alice").post(f"/orgs/{ACME}/invites", {"email": EVE})
    provision(world, TokenHolder("eve2", email=EVE))

    assert provision(world, TokenHolder("eve", email=EVE)).json()["code"] == "deactivated"


def test_second_account_accepts_no_invitation_to_the_mailbox_of_the_first(world: World) -> None:
    deactivate(world, join(world))
    token = invite_by_accomplice(world)

    # Erin's account is active, and her newest token has eve's e-mail.
    response = accept(world, TokenHolder("erin", email=EVE), token)

    assert (response.status, response.json()["code"]) == (403, "deactivated")


def test_first_owner_cannot_be_a_deactivated_user(world: World) -> None:
    user_id = join(world)
    deactivate(world, user_id)
    world.admin.execute("delete from access.org_email_domains")
    world.admin.execute("update access.users set is_active = false where sys_role = 'sys_owner'")
    world.insert("bootstrap_identities", issuer=TokenHolder("eve").issuer, kind="email", value=EVE)

    assert provision(world, TokenHolder("eve2", email=EVE)).json()["code"] == "deactivated"


@pytest.mark.parametrize("email", [EVE, "eve+x@acme-zq7.example", "EVE+y@acme-zq7.example"])
def test_removal_revokes_the_open_invitations_of_the_organization(world: World, email: str) -> None:
    user_id = join(world)
    token = world.invite(ACME, email.lower())

    remove(world, user_id)

    assert accept(world, TokenHolder("eve", email=email), token).status == 410
    assert roles_of(world, user_id) == {}


def test_removed_member_can_be_invited_again(world: World) -> None:
    user_id = join(world)
    remove(world, user_id)
    token = world.as_("alice").post(f"/orgs/{ACME}/invites", {"email": EVE}).json()["token"]

    assert memberships(accept(world, TokenHolder("eve", email=EVE), token)) == {ACME: "org_user"}


def test_deactivation_keeps_invitations_to_others(world: World) -> None:
    deactivate(world, join(world))

    assert accept(world, "guest", invite_token("guest@zq7.example")).status == 200
