"""Helpers for first sign-ins: provision, accept, and look at the memberships."""

from typing import Any
from uuid import UUID

from org_common.testing.client import Answer, Person
from tests.cora_modules.access.world import ACME_DOMAIN, World


def provision(world: World, person: str | Person) -> Answer:
    return world.as_(person).post("/users/me/provision")


def accept(world: World, person: str | Person, token: str) -> Answer:
    return world.as_(person).post("/invites/accept", {"token": token})


def memberships(response: Answer) -> dict[UUID, str]:
    """The caller's roles in the response, by organization."""
    return {UUID(org["id"]): org["role"] for org in response.json()["organizations"]}


def roles_of(world: World, user_id: object) -> dict[UUID, str]:
    """The stored roles of a user, by organization."""
    return {row["org_id"]: row["org_role"] for row in world.rows("org_members") if str(row["user_id"]) == user_id}


def invitation(world: World, email: str) -> dict[str, Any]:
    """The newest invitation to an e-mail."""
    rows = [row for row in world.rows("invites") if row["email"] == email]
    return max(rows, key=lambda row: row["created_at"])


def open_domain(world: World, **values: object) -> None:
    """Verify the domain and let it admit users."""
    columns = {"verified_at": "now()", "auto_provision": True, **values}
    for column, value in columns.items():
        world.admin.execute(
            f"update access.org_email_domains set {column} = %s where id = %s",
            [value, ACME_DOMAIN],
        )


def remove_sys_owners(world: World) -> None:
    """Leave the platform without an owner."""
    world.admin.execute("update access.users set sys_role = 'sys_user' where sys_role = 'sys_owner'")
