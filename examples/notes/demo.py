"""Demo users of the notes, for local development only."""

from uuid import UUID

import psycopg

PEOPLE = ("alice", "carol", "bob")
ACME = UUID("0198a000-0000-7000-8000-00000000ac3e")
GLOBEX = UUID("0198a000-0000-7000-8000-000000610be8")
EXAMPLE = ("alice", f"/orgs/{ACME}/notes")


def seed(admin_url: str, issuer: str) -> None:
    """Create the demo users: Alice owns Acme, Carol is a member of it, Bob owns Globex."""
    with psycopg.connect(admin_url) as admin:
        for org_id, name in ((ACME, "Acme"), (GLOBEX, "Globex")):
            admin.execute("insert into notes.orgs values (%s, %s) on conflict do nothing", [org_id, name])
        for number, name in enumerate(PEOPLE, 1):
            user_id = UUID(int=number)
            admin.execute("insert into notes.users values (%s, %s) on conflict do nothing", [user_id, name])
            admin.execute(
                "insert into notes.identities values (%s, %s, %s) on conflict do nothing",
                [issuer, f"local|{name}", user_id],
            )
            org_id = GLOBEX if name == "bob" else ACME
            role = "org_user" if name == "carol" else "org_owner"
            admin.execute(
                "insert into notes.members values (%s, %s, %s) on conflict do nothing", [org_id, user_id, role]
            )
