"""What an admin granted falls with them: invitations and default roles of domains."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from tests.cora_modules.access.arrivals import accept, memberships, provision
from tests.cora_modules.access.world import ACME, ACME_DOMAIN, IDS, TokenHolder, World

pytestmark = pytest.mark.db

DOMAIN = f"/orgs/{ACME}/email-domains/{ACME_DOMAIN}"
DAVE = f"/orgs/{ACME}/members/{IDS['dave']}"


def demote(world: World) -> None:
    assert world.as_("alice").patch(DAVE, {"role": "org_user"}).status == 200


def demote_by_one(world: World) -> None:
    assert world.as_("alice").patch(DAVE, {"role": "org_admin"}).status == 200


def remove(world: World) -> None:
    assert world.as_("alice").delete(DAVE).status == 204


def leave(world: World) -> None:
    assert world.as_("dave").delete(DAVE).status == 204


def deactivate(world: World) -> None:
    assert world.as_("sam").patch(f"/admin/sys/users/{IDS['dave']}", {"isActive": False}).status == 200


def fall_unseen(world: World) -> None:
    """As in a race: dave's change commits after the function that revokes dave's grants."""
    world.admin.execute("update access.users set is_active = false where id = %s", [IDS["dave"]])


def lose_membership_unseen(world: World) -> None:
    world.admin.execute("delete from access.org_members where user_id = %s", [IDS["dave"]])


FALLS = [demote, remove, leave, deactivate, fall_unseen, lose_membership_unseen]


def promote(world: World) -> None:
    """Make dave an owner, who may grant any role."""
    assert world.as_("alice").patch(DAVE, {"role": "org_owner"}).status == 200


def set_default(world: World, role: str, name: str = "dave") -> None:
    assert world.as_(name).patch(DOMAIN, {"autoProvision": True, "defaultRole": role}).status == 200
    world.as_("sam").post(f"/admin/sys/email-domains/{ACME_DOMAIN}/verify")


def admitted_role(world: World) -> str:
    return memberships(provision(world, TokenHolder("new", email="new@acme-zq7.example")))[ACME]


@pytest.mark.parametrize("role", ["org_admin", "org_owner"])
@pytest.mark.parametrize("fall", FALLS)
def test_domain_no_longer_grants_what_its_admin_set(world: World, fall: Callable[[World], None], role: str) -> None:
    promote(world)
    set_default(world, role)
    fall(world)

    assert admitted_role(world) == "org_user"


def test_domain_keeps_what_its_admin_may_still_grant(world: World) -> None:
    promote(world)
    set_default(world, "org_admin")
    demote_by_one(world)

    assert admitted_role(world) == "org_admin"


def test_demoted_owner_leaves_no_owners(world: World) -> None:
    promote(world)
    set_default(world, "org_owner")
    demote_by_one(world)

    assert admitted_role(world) == "org_user"


@pytest.mark.parametrize("fall", [demote, remove, leave, deactivate])
def test_grant_does_not_revive(world: World, fall: Callable[[World], None]) -> None:
    set_default(world, "org_admin")
    fall(world)
    world.admin.execute("update access.users set is_active = true where id = %s", [IDS["dave"]])
    world.admin.execute("delete from access.org_members where user_id = %s", [IDS["dave"]])
    world.insert("org_members", org_id=ACME, user_id=IDS["dave"], org_role="org_admin")

    assert admitted_role(world) == "org_user"


@pytest.mark.parametrize("fall", FALLS)
def test_what_another_admin_set_stays(world: World, fall: Callable[[World], None]) -> None:
    set_default(world, "org_admin", "dave")
    set_default(world, "org_user", "alice")
    set_default(world, "org_admin", "alice")
    fall(world)

    assert admitted_role(world) == "org_admin"


def test_change_of_another_field_takes_no_responsibility(world: World) -> None:
    set_default(world, "org_admin")
    world.as_("alice").patch(DOMAIN, {"autoProvision": True})
    remove(world)

    assert admitted_role(world) == "org_user"


@pytest.mark.parametrize("role", ["org_user", "org_admin"])
@pytest.mark.parametrize("how", ["provision", "accept"])
@pytest.mark.parametrize("fall", FALLS)
def test_invitation_falls_with_its_inviter(world: World, fall: Callable[[World], None], how: str, role: str) -> None:
    token = world.invite(ACME, "friend@zq7.example", role, inviter="dave")
    fall(world)
    friend = TokenHolder("friend", email="friend@zq7.example")

    response = provision(world, friend) if how == "provision" else accept(world, friend, token)

    assert response.status == (403 if how == "provision" else 410)


# --- mail -----------------------------------------------------------------------------------


def mails(world: World) -> int:
    row = world.admin.execute("select count(*) from app.outbox where queue = 'mail'").fetchone()
    assert row is not None
    return int(row["count"])


def revoke(world: World) -> None:
    (invite,) = [row for row in world.rows("invites") if row["email"] == "friend@zq7.example"]
    assert world.as_("alice").delete(f"/orgs/{ACME}/invites/{invite['id']}").status == 204


def delete_org(world: World) -> None:
    assert world.as_("alice").delete(f"/orgs/{ACME}").status == 204


@pytest.mark.parametrize("close", [revoke, demote, remove, leave, deactivate, delete_org])
def test_mail_of_a_closed_invitation_is_not_sent(world: World, close: Callable[[World], None]) -> None:
    assert world.as_("dave").post(f"/orgs/{ACME}/invites", {"email": "friend@zq7.example"}).status == 201
    assert mails(world) == 1

    close(world)

    assert mails(world) == 0


def test_mail_of_an_accepted_invitation_stays(world: World) -> None:
    token = world.as_("dave").post(f"/orgs/{ACME}/invites", {"email": "friend@zq7.example"}).json()["token"]
    accept(world, TokenHolder("friend", email="friend@zq7.example"), token)

    assert mails(world) == 1


def test_deactivation_of_the_invited_unsends_their_mail(world: World) -> None:
    erin = world.row("users", IDS["erin"])
    world.as_("dave").post(f"/orgs/{ACME}/invites", {"email": erin["email"]})

    world.as_("sam").patch(f"/admin/sys/users/{IDS['erin']}", {"isActive": False})

    assert mails(world) == 0
    assert world.row("users", IDS["erin"])["deactivated_at"] <= datetime.now(UTC)
