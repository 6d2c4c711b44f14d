"""How people come into Acme in these tests, and what they find there."""

from typing import Any
from uuid import UUID

from org_common.testing.client import Answer, Person
from tests.cora_modules.access.world import ACME_DOMAIN, World


def provision(world: World, person: str | Person) -> Answer:
    return world.as_(person).post("/users/me/provision")


def accept(world: World, person: str | Person, token: str) -> Answer:
    return world.as_(person).post("/invites/accept", {"token": token})


def memberships(answer: Answer) -> dict[UUID, str]:
    """What the answer says that he is, by organization."""
    return {UUID(org["id"]): org["role"] for org in answer.json()["organizations"]}


def roles_of(world: World, user_id: object) -> dict[UUID, str]:
    """What a user is, by organization."""
    return {each["org_id"]: each["org_role"] for each in world.rows("org_members") if str(each["user_id"]) == user_id}


def invitation(world: World, email: str) -> dict[str, Any]:
    """The newest invitation to an e-mail."""
    rows = [each for each in world.rows("invites") if each["email"] == email]
    return max(rows, key=lambda each: each["created_at"])


def open_domain(world: World, **values: object) -> None:
    """The domain is verified and lets people in."""
    columns = {"verified_at": "now()", "auto_provision": True, **values}
    for column, value in columns.items():
        world.admin.execute(
            f"update access.org_email_domains set {column} = %s where id = %s",
            [value, ACME_DOMAIN],
        )


def without_owner(world: World) -> None:
    """Nobody owns the platform."""
    world.admin.execute("update access.users set sys_role = 'sys_user' where sys_role = 'sys_owner'")
