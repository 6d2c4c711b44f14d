"""Demo data of the local server, and the tour of `org-common dev --check`."""

from typing import Protocol
from uuid import UUID

import psycopg

PEOPLE = ("alice", "carol", "bob", "root")
EXAMPLE = ("alice", "/orgs")

# Fixed ids: the data is made once, however often the server starts.
ACME = UUID("0198a000-0000-7000-8000-00000000ac3e")
GLOBEX = UUID("0198a000-0000-7000-8000-000000610be8")
MEMBERS = ((ACME, "alice", "org_owner"), (ACME, "carol", "org_user"), (GLOBEX, "bob", "org_owner"))


class Visit(Protocol):
    """What the tour is taken with: one request a step, its status compared."""

    def step(
        self, what: str, person: str | None, method: str, path: str, *, expect: int, body: object = None
    ) -> dict[str, str]: ...


def seed(admin_url: str, issuer: str) -> None:
    """Alice owns Acme, Carol is a member of it, Bob owns Globex, Root is the platform's owner.

    `admin_url` is a superuser's: people come to a real platform by signing in.
    """
    with psycopg.connect(admin_url) as admin:
        if admin.execute("select 1 from access.orgs where id = %s", [ACME]).fetchone():
            return
        users = {}
        for name in PEOPLE:
            role = "sys_owner" if name == "root" else None
            found = admin.execute(
                "insert into access.users (email, full_name, sys_role) values (%s, %s, %s) returning id",
                [f"{name}@example.com", name.capitalize(), role],
            ).fetchone()
            assert found is not None
            users[name] = found[0]
            admin.execute(
                "insert into access.user_identities (issuer, subject, user_id) values (%s, %s, %s)",
                [issuer, f"local|{name}", users[name]],
            )
        for org_id, name, slug in ((ACME, "Acme", "acme"), (GLOBEX, "Globex", "globex")):
            admin.execute("insert into access.orgs (id, name, slug) values (%s, %s, %s)", [org_id, name, slug])
        for org_id, name, role in MEMBERS:
            admin.execute(
                "insert into access.org_members (org_id, user_id, org_role) values (%s, %s, %s)",
                [org_id, users[name], role],
            )


def tour(visit: Visit) -> None:
    """Create, list, read, change; and all that must not be possible."""
    visit.step("nobody gets in without a token", None, "GET", "/orgs", expect=401)
    made = visit.step(
        "Alice makes an organization",
        "alice",
        "POST",
        "/orgs",
        body={"name": "Initech", "slug": "initech"},
        expect=201,
    )
    path = f"/orgs/{made['id']}"
    visit.step("she finds it among hers", "alice", "GET", "/orgs", expect=200)
    visit.step("she reads it", "alice", "GET", path, expect=200)
    visit.step("she renames it", "alice", "PATCH", path, body={"name": "Initech Inc."}, expect=200)
    visit.step(
        "the same slug again is a duplicate", "bob", "POST", "/orgs", body={"name": "X", "slug": "initech"}, expect=409
    )
    visit.step("Bob, of another organization, does not see it", "bob", "GET", path, expect=404)
    visit.step("nor can he change it", "bob", "PATCH", path, body={"name": "Mine"}, expect=404)
    visit.step("Carol, a member of Acme, reads it", "carol", "GET", f"/orgs/{ACME}", expect=200)
    visit.step("but may not change it", "carol", "PATCH", f"/orgs/{ACME}", body={"name": "Ours"}, expect=403)
    visit.step("an empty name is refused with a pointer", "alice", "PATCH", path, body={"name": ""}, expect=422)
    visit.step("an unknown field too", "alice", "PATCH", path, body={"nmae": "Initech"}, expect=422)
    visit.step("there is no such route", "alice", "GET", "/nothing", expect=404)
    visit.step("she removes it", "alice", "DELETE", path, expect=204)
    visit.step("and it is gone", "alice", "GET", path, expect=404)
