"""What people try who want more than they have. Each is refused, and leaves every row as it was."""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import UUID

from org_common.testing.client import Person
from tests.cora_modules.access.world import (
    ACME,
    ACME_DOMAIN,
    ACME_INVITE,
    GLOBEX,
    GLOBEX_DOMAIN,
    GLOBEX_INVITE,
    IDS,
    Somebody,
    World,
    invite_token,
)

ORG, GLOBEX_ORG = f"/orgs/{ACME}", f"/orgs/{GLOBEX}"
MEMBERS, INVITES, DOMAINS = f"{ORG}/members", f"{ORG}/invites", f"{ORG}/email-domains"
ME, PROVISION, ACCEPT = "/users/me", "/users/me/provision", "/invites/accept"
SYS, VERIFY = "/admin/sys/users", "/admin/sys/email-domains/{}/verify"
ABSENT = UUID("0198a000-dddd-7000-8000-000000000000")
# Invitations and domains that only this table needs.
OPEN_DOMAIN, CLAIMED_DOMAIN = "open-zq7.example", "claimed-kw4.example"
BOSS_INVITE = UUID("0198a000-aaaa-7000-8000-000000022222")
EVIL = "https://evil.test"


def member(name: str, org: str = ORG) -> str:
    return f"{org}/members/{IDS[name]}"


def user(name: str) -> str:
    return f"{SYS}/{IDS[name]}"


def at_open(email: str, **more: Any) -> Somebody:
    return Somebody("mallory", email=email, **more)


def furnish(world: World) -> None:
    """What makes the attempts worth trying: a domain that lets people in, one that only claims to, two more users."""
    world.insert(
        "org_email_domains", org_id=ACME, domain=OPEN_DOMAIN, auto_provision=True, verified_at="2026-01-01 00:00Z"
    )
    world.insert("org_email_domains", org_id=GLOBEX, domain=CLAIMED_DOMAIN, auto_provision=True)
    world.insert("users", email=f"dora@{OPEN_DOMAIN}")
    world.admin.execute("update access.invites set id = %s where email = 'boss@zq7.example'", [BOSS_INVITE])
    gone = world.insert("users", email=f"gone@{OPEN_DOMAIN}", is_active=False)
    world.insert("user_identities", issuer=Somebody("gone").issuer, subject="local|gone", user_id=gone)
    world.invite(GLOBEX, f"gone@{OPEN_DOMAIN}", inviter="bob")


class Attempt(NamedTuple):
    what: str
    who: str | Person
    method: str
    path: str
    body: Any
    status: int
    code: str | None = None


ATTEMPTS = [
    # --- one's own sys role, and what else is not one's own to change ---------------------------
    Attempt("user gives himself a sys role", "carol", "PATCH", ME, {"sysRole": "sys_owner"}, 422),
    Attempt("under the column's name", "carol", "PATCH", ME, {"sys_role": "sys_owner"}, 422),
    Attempt("platform's admin too", "sam", "PATCH", ME, {"sysRole": "sys_owner"}, 422),
    Attempt("user takes another e-mail", "carol", "PATCH", ME, {"email": "root@zq7.example"}, 422),
    Attempt("user takes another id", "carol", "PATCH", ME, {"id": str(IDS["root"])}, 422),
    Attempt("user signs as somebody else", "carol", "PATCH", ME, {"updatedBy": str(IDS["root"])}, 422),
    Attempt("user gives himself organizations", "carol", "PATCH", ME, {"organizations": []}, 422),
    Attempt("user calls another organization his current one", "alice", "PATCH", ME,
            {"currentOrgId": str(GLOBEX)}, 409),
    Attempt("outsider too", "erin", "PATCH", ME, {"currentOrgId": str(ACME)}, 409),
    Attempt("owner of a tenant uses a sys route", "alice", "PATCH", user("alice"), {"sysRole": "sys_owner"}, 403),
    Attempt("user too", "carol", "PATCH", user("carol"), {"sysRole": "sys_admin"}, 403),
    Attempt("stranger too", "stranger", "PATCH", user("alice"), {"sysRole": "sys_owner"}, 403, "not_provisioned"),
    Attempt("platform's admin raises himself", "sam", "PATCH", user("sam"), {"sysRole": "sys_owner"}, 403),
    Attempt("raises another", "sam", "PATCH", user("erin"), {"sysRole": "sys_admin"}, 403),
    Attempt("both at once with what he may", "sam", "PATCH", user("erin"),
            {"sysRole": "sys_owner", "isActive": True}, 403),
    Attempt("demotes the owner", "sam", "PATCH", user("root"), {"sysRole": "sys_user"}, 403),
    Attempt("locks the owner out", "sam", "PATCH", user("root"), {"isActive": False}, 403),
    Attempt("sys role of another ladder", "root", "PATCH", user("sam"), {"sysRole": "org_owner"}, 422),
    Attempt("no sys role", "root", "PATCH", user("sam"), {"sysRole": None}, 422),
    Attempt("last sys owner steps down", "root", "PATCH", user("root"), {"sysRole": "sys_admin"},
            409, "last_sys_owner"),
    Attempt("locks himself out", "root", "PATCH", user("root"), {"isActive": False}, 409, "last_sys_owner"),
    Attempt("tenant verifies its own domain", "alice", "POST", VERIFY.format(ACME_DOMAIN), None, 403),
    Attempt("by a field", "alice", "PATCH", f"{DOMAINS}/{ACME_DOMAIN}", {"verifiedAt": "2026-01-01T00:00:00Z"}, 422),
    # --- a role above one's own -------------------------------------------------------------------
    Attempt("user makes himself an admin", "carol", "PATCH", member("carol"), {"role": "org_admin"}, 403),
    Attempt("admin makes himself an owner", "dave", "PATCH", member("dave"), {"role": "org_owner"}, 403),
    Attempt("admin makes another an owner", "dave", "PATCH", member("carol"), {"role": "org_owner"}, 403),
    Attempt("admin demotes an owner", "dave", "PATCH", member("alice"), {"role": "org_user"}, 403),
    Attempt("admin removes an owner", "dave", "DELETE", member("alice"), None, 403),
    Attempt("user removes an admin", "carol", "DELETE", member("dave"), None, 403),
    Attempt("user adds a member", "carol", "POST", MEMBERS, {"userId": str(IDS["erin"])}, 403),
    Attempt("admin adds an owner", "dave", "POST", MEMBERS, {"userId": str(IDS["erin"]), "role": "org_owner"}, 403),
    Attempt("admin adds himself again", "dave", "POST", MEMBERS, {"userId": str(IDS["dave"])}, 409, "duplicate"),
    Attempt("admin invites an owner", "dave", "POST", INVITES, {"email": "x@y.example", "role": "org_owner"}, 403),
    Attempt("user invites a user", "carol", "POST", INVITES, {"email": "x@y.example"}, 403),
    Attempt("admin revokes an owner's invitation", "dave", "DELETE", f"{INVITES}/{BOSS_INVITE}", None, 403),
    Attempt("admin lets owners in", "dave", "POST", DOMAINS, {"domain": "x.example", "defaultRole": "org_owner"}, 403),
    Attempt("admin turns a domain's users to owners", "dave", "PATCH", f"{DOMAINS}/{ACME_DOMAIN}",
            {"defaultRole": "org_owner"}, 403),
    Attempt("user removes the organization", "carol", "DELETE", ORG, None, 403),
    Attempt("admin removes the organization", "dave", "DELETE", ORG, None, 403),
    Attempt("role of another ladder", "alice", "PATCH", member("carol"), {"role": "sys_owner"}, 422),
    # --- the last owner -----------------------------------------------------------------------------
    Attempt("last owner leaves", "alice", "DELETE", member("alice"), None, 409, "last_owner"),
    Attempt("becomes an admin", "alice", "PATCH", member("alice"), {"role": "org_admin"}, 409, "last_owner"),
    Attempt("becomes a user", "alice", "PATCH", member("alice"), {"role": "org_user"}, 409, "last_owner"),
    Attempt("the only member leaves", "bob", "DELETE", member("bob", GLOBEX_ORG), None, 409, "last_owner"),
    # --- another tenant's ids, in path and body -----------------------------------------------------
    Attempt("outsider renames", "bob", "PATCH", ORG, {"name": "Mine"}, 404),
    Attempt("outsider removes", "bob", "DELETE", ORG, None, 404),
    Attempt("outsider adds himself", "bob", "POST", MEMBERS, {"userId": str(IDS["bob"]), "role": "org_owner"}, 404),
    Attempt("outsider invites himself", "bob", "POST", INVITES, {"email": "bob@zq7.example"}, 404),
    Attempt("outsider raises a member", "bob", "PATCH", member("carol"), {"role": "org_owner"}, 404),
    Attempt("outsider removes a member", "bob", "DELETE", member("carol"), None, 404),
    Attempt("outsider leaves", "bob", "DELETE", member("bob"), None, 404),
    Attempt("outsider revokes", "bob", "DELETE", f"{INVITES}/{ACME_INVITE}", None, 404),
    Attempt("outsider removes a domain", "bob", "DELETE", f"{DOMAINS}/{ACME_DOMAIN}", None, 404),
    Attempt("another's member under one's own", "alice", "PATCH", member("bob"), {"role": "org_user"}, 404),
    Attempt("removed", "alice", "DELETE", member("bob"), None, 404),
    Attempt("another's invitation under one's own", "alice", "DELETE", f"{INVITES}/{GLOBEX_INVITE}", None, 404),
    Attempt("another's domain under one's own", "alice", "DELETE", f"{DOMAINS}/{GLOBEX_DOMAIN}", None, 404),
    Attempt("another's user in the body", "alice", "POST", MEMBERS, {"userId": str(IDS["bob"])},
            409, "broken_reference"),
    Attempt("nobody's user in the body", "alice", "POST", MEMBERS, {"userId": str(ABSENT)}, 409, "broken_reference"),
    Attempt("another's organization in the body", "alice", "POST", INVITES,
            {"email": "x@y.example", "orgId": str(GLOBEX)}, 422),
    Attempt("in the query", "alice", "POST", f"{INVITES}?orgId={GLOBEX}", {"email": "x@y.example"}, 422),
    Attempt("platform's owner takes a tenant", "root", "PATCH", member("carol"), {"role": "org_owner"}, 404),
    Attempt("platform's admin adds himself", "sam", "POST", MEMBERS, {"userId": str(IDS["sam"])}, 404),
    Attempt("platform's owner removes a tenant", "root", "DELETE", ORG, None, 404),
    # --- invitations --------------------------------------------------------------------------------
    *[
        Attempt(f"{state} invitation", at_open(f"{state}@zq7.example"), "POST", ACCEPT,
                {"token": invite_token(f"{state}@zq7.example")}, status, code)
        for state, status, code in (
            ("accepted", 409, "invite_accepted"), ("late", 410, "invite_closed"),
            ("expired", 410, "invite_closed"), ("revoked", 410, "invite_closed"),
        )
    ],
    *[
        Attempt(f"stolen token: {how}", who, "POST", ACCEPT,
            {"token": invite_token("boss@zq7.example")}, 403, "wrong_email")
        for how, who in (
            ("user of the organization", Somebody("carol", email="carol@zq7.example")),
            ("its admin", Somebody("dave", email="dave@zq7.example")),
            ("owner of another", Somebody("bob", email="bob@zq7.example")),
            ("stranger", at_open("mallory@evil.example")),
            ("unverified", at_open("boss@zq7.example", verified=False)),
            ("without an e-mail", Somebody("mallory")),
            ("another issuer, unverified", at_open("boss@zq7.example", verified=False, issuer=EVIL)),
            ("alike", at_open("boss@zq7.example.evil.example")),
            ("alike in Cyrillic", at_open("b\u043ess@zq7.example")),
            ("two addresses", at_open("boss@zq7.example,mallory@evil.example")),
        )
    ],
    Attempt("hash for a token", "guest", "POST", ACCEPT, {"token": "0" * 64}, 404),
    Attempt("id for a token", "guest", "POST", ACCEPT, {"token": str(ACME_INVITE)}, 404),
    Attempt("no token", "guest", "POST", ACCEPT, {"token": ""}, 422),
    Attempt("pattern for a token", "guest", "POST", ACCEPT, {"token": "%"}, 404),
    Attempt("role in the acceptance", "guest", "POST", ACCEPT,
            {"token": invite_token("guest@zq7.example"), "role": "org_owner"}, 422),
    Attempt("deactivated user accepts", Somebody("gone", email=f"gone@{OPEN_DOMAIN}"), "POST", ACCEPT,
            {"token": invite_token(f"gone@{OPEN_DOMAIN}")}, 403, "deactivated"),
    # --- the first sign-in --------------------------------------------------------------------------
    *[
        Attempt(f"provision: {how}", who, "POST", PROVISION, body, 403, "not_invited")
        for how, who, body in (
            ("not invited", at_open("mallory@evil.example"), None),
            ("unverified e-mail of an invitation", at_open("guest@zq7.example", verified=False), None),
            ("unverified e-mail of a domain", at_open(f"m@{OPEN_DOMAIN}", verified=False), None),
            ("closed invitation", at_open("revoked@zq7.example"), None),
            ("late invitation", at_open("late@zq7.example"), None),
            ("domain that was never verified", at_open(f"m@{CLAIMED_DOMAIN}"), None),
            ("subdomain", at_open(f"m@sub.{OPEN_DOMAIN}"), None),
            ("longer domain", at_open(f"m@{OPEN_DOMAIN}.evil.example"), None),
            ("domain with another in front", at_open(f"m@evil-{OPEN_DOMAIN}"), None),
            ("dot at the end", at_open(f"m@{OPEN_DOMAIN}."), None),
            ("two signs", at_open(f"m@evil.example@{OPEN_DOMAIN}"), None),
            ("quoted", at_open(f'"m@evil.example"@{OPEN_DOMAIN}'), None),
            ("two addresses", at_open(f"m@evil.example,x@{OPEN_DOMAIN}"), None),
            ("domain in Cyrillic", at_open("m@\u043epen-zq7.example"), None),
            ("ideographic dot", at_open("m@open-zq7\u3002example"), None),
            ("no name", at_open(f"@{OPEN_DOMAIN}"), None),
            ("second issuer with a user's e-mail", Somebody("alice", issuer=EVIL, email="alice@zq7.example"), None),
            ("another subject with a user's e-mail", "stranger", None),
            ("somebody else's identity in the body", "stranger", {"sub": "local|alice", "iss": "https://issuer.test"}),
            ("somebody else's id in the body", "stranger", {"userId": str(IDS["alice"]), "role": "org_owner"}),
            ("first owner, too late", Somebody("first"), None),
            ("first owner's e-mail, too late", at_open("first@zq7.example"), None),
            ("first owner of another issuer", Somebody("first", issuer=EVIL), None),
            ("first owner's e-mail of another issuer", at_open("first@zq7.example", issuer=EVIL), None),
        )
    ],
    Attempt("provision somebody else by the query", "stranger", "POST", f"{PROVISION}?sub=local%7Calice", None, 422),
    Attempt("user's e-mail from a second issuer that is believed", at_open(f"dora@{OPEN_DOMAIN}", issuer=EVIL), "POST",
            PROVISION, None, 409, "email_taken"),
    Attempt("user's e-mail under another subject", at_open(f"DORA@{OPEN_DOMAIN}"), "POST", PROVISION, None, 409,
            "email_taken"),
    Attempt("deactivated user comes again", Somebody("gone", email=f"gone@{OPEN_DOMAIN}"), "POST", PROVISION, None, 403,
            "deactivated"),
    Attempt("same subject of a second issuer", Somebody("alice", issuer=EVIL), "PATCH", ME,
            {"fullName": "Mallory"}, 403, "not_provisioned"),
    Attempt("user's id as a subject", Somebody("", subject=str(IDS["alice"])), "PATCH", ME,
            {"fullName": "Mallory"}, 403, "not_provisioned"),
    Attempt("issuer with a slash more", Somebody("alice", issuer="https://issuer.test/"), "DELETE", ORG, None, 403,
            "not_provisioned"),
    Attempt("issuer and subject run together", Somebody("", subject="alice", issuer="https://issuer.testlocal|"),
            "DELETE", ORG, None, 403, "not_provisioned"),
    Attempt("deactivated user goes on", Somebody("gone"), "PATCH", ME, {"fullName": "Gone"}, 403, "not_provisioned"),
    Attempt("expired token", "expired", "DELETE", ORG, None, 401, "token_expired"),
]  # fmt: skip
