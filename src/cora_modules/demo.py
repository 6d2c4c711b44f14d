"""Demo data of the local server, and the tour of `org-common dev --check`."""

from typing import Protocol
from uuid import UUID

import psycopg

PEOPLE = ("alice", "carol", "bob", "sam", "root")
SYS_ROLES = {"sam": "sys_admin", "root": "sys_owner"}
EXAMPLE = ("alice", "/orgs")

# Fixed ids: the data is made once, however often the server starts.
ACME = UUID("0198a000-0000-7000-8000-00000000ac3e")
GLOBEX = UUID("0198a000-0000-7000-8000-000000610be8")
MEMBERS = ((ACME, "alice", "org_owner"), (ACME, "carol", "org_user"), (GLOBEX, "bob", "org_owner"))

PROVISION, ACCEPT = "/users/me/provision", "/invites/accept"
DAVE = {"email": "dave@example.com"}
ADMIN = {"role": "org_admin"}


class Visit(Protocol):
    """What the tour is taken with: one request a step, its status compared."""

    def step(
        self, what: str, person: str | None, method: str, path: str, *, expect: int, body: object = None
    ) -> dict[str, str]: ...


def seed(admin_url: str, issuer: str) -> None:
    """Alice owns Acme, Carol is a member of it, Bob owns Globex, Sam is an admin of the platform and Root its owner.

    `admin_url` is a superuser's: people come to a real platform by signing in.
    """
    with psycopg.connect(admin_url) as admin:
        if admin.execute("select 1 from access.orgs where id = %s", [ACME]).fetchone():
            return
        users = {}
        for name in PEOPLE:
            role = SYS_ROLES.get(name, "sys_user")
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
        # On a real platform the operator puts this one line in, and whoever it names becomes the owner by signing in.
        admin.execute(
            "insert into access.bootstrap_identities (issuer, kind, value) values (%s, 'email', 'root@example.com')",
            [issuer],
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
    people(visit)
    platform(visit)


def people(visit: Visit) -> None:
    """Dave is invited, comes, rises and leaves; Mallory is not invited."""
    members, invites = f"/orgs/{ACME}/members", f"/orgs/{ACME}/invites"
    visit.step("Carol sees who she is, and where", "carol", "GET", "/users/me", expect=200)
    visit.step("and notes her sign-in", "carol", "POST", "/users/me/session", expect=201)
    visit.step("and her sign-out", "carol", "DELETE", "/users/me/session", expect=204)
    visit.step("Mallory, whom nobody has invited, is let in by nobody", "mallory", "POST", PROVISION, expect=403)
    visit.step("Carol may not invite anybody", "carol", "POST", invites, body=DAVE, expect=403)
    invite = visit.step("Alice invites Dave", "alice", "POST", invites, body=DAVE, expect=201)
    visit.step("once at a time", "alice", "POST", invites, body=DAVE, expect=409)
    token = {"token": invite["token"]}
    visit.step("Mallory cannot use Dave's invitation", "mallory", "POST", ACCEPT, body=token, expect=403)
    dave = visit.step("Dave can, and signs in for the first time", "dave", "POST", ACCEPT, body=token, expect=200)
    visit.step("nobody can use it twice", "dave", "POST", ACCEPT, body=token, expect=409)
    visit.step("to sign in again changes nothing", "dave", "POST", PROVISION, expect=200)
    visit.step("he sees the members", "dave", "GET", members, expect=200)
    visit.step("but may not raise himself", "dave", "PATCH", f"{members}/{dave['id']}", body=ADMIN, expect=403)
    visit.step("Alice makes him an admin", "alice", "PATCH", f"{members}/{dave['id']}", body=ADMIN, expect=200)
    visit.step("Dave leaves", "dave", "DELETE", f"{members}/{dave['id']}", expect=204)
    visit.step("and does not see Acme any more", "dave", "GET", f"/orgs/{ACME}", expect=404)
    alice = visit.step("Alice is the last owner", "alice", "GET", "/users/me", expect=200)
    visit.step("and cannot leave", "alice", "DELETE", f"{members}/{alice['id']}", expect=409)


def platform(visit: Visit) -> None:
    """What the admins of the platform may, and what not."""
    visit.step("Alice is no admin of the platform", "alice", "GET", "/admin/sys/users", expect=403)
    visit.step("Sam is, and sees its users", "sam", "GET", "/admin/sys/users", expect=200)
    visit.step("but nothing of its tenants", "sam", "GET", f"/orgs/{ACME}", expect=404)
    sam = visit.step("he sees himself", "sam", "GET", "/users/me", expect=200)
    path = f"/admin/sys/users/{sam['id']}"
    visit.step("and cannot raise himself", "sam", "PATCH", path, body={"sysRole": "sys_owner"}, expect=403)
    domains = f"/orgs/{GLOBEX}/email-domains"
    domain = visit.step("Bob claims a domain", "bob", "POST", domains, body={"domain": "globex.example"}, expect=201)
    verify = f"/admin/sys/email-domains/{domain['id']}/verify"
    visit.step("and cannot verify it himself", "bob", "POST", verify, expect=403)
    visit.step("Sam can", "sam", "POST", verify, expect=200)
    visit.step("Bob gives it up", "bob", "DELETE", f"{domains}/{domain['id']}", expect=204)
