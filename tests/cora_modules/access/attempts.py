"""Attempts to gain privileges. Each is refused and changes no row."""

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
    TokenHolder,
    World,
    invite_token,
)

ORG, GLOBEX_ORG = f"/orgs/{ACME}", f"/orgs/{GLOBEX}"
MEMBERS, INVITES, DOMAINS = f"{ORG}/members", f"{ORG}/invites", f"{ORG}/email-domains"
ME, PROVISION, ACCEPT = "/users/me", "/users/me/provision", "/invites/accept"
SYS, VERIFY = "/admin/sys/users", "/admin/sys/email-domains/{}/verify"
ABSENT = UUID("0198a000-dddd-7000-8000-000000000000")
# Domains and an invitation that only these attempts need.
OPEN_DOMAIN, CLAIMED_DOMAIN = "open-zq7.example", "claimed-kw4.example"
BOSS_INVITE = UUID("0198a000-aaaa-7000-8000-000000022222")
EVIL = "https://evil.test"


def member(name: str, org: str = ORG) -> str:
    return f"{org}/members/{IDS[name]}"


def user(name: str) -> str:
    return f"{SYS}/{IDS[name]}"


def mallory(email: str, **more: Any) -> TokenHolder:
    return TokenHolder("mallory", email=email, **more)


def prepare_targets(world: World) -> None:
    """Add rows that attempts are aimed at: a verified domain, a domain that is only claimed, two more users."""
    world.insert(
        "org_email_domains", org_id=ACME, domain=OPEN_DOMAIN, auto_provision=True, verified_at="2026-01-01 00:00Z"
    )
    world.insert("org_email_domains", org_id=GLOBEX, domain=CLAIMED_DOMAIN, auto_provision=True)
    world.insert("users", email=f"dora@{OPEN_DOMAIN}")
    world.admin.execute("update access.invites set id = %s where email = 'boss@zq7.example'", [BOSS_INVITE])
    gone = world.insert("users", email=f"gone@{OPEN_DOMAIN}", is_active=False)
    world.insert("user_identities", issuer=TokenHolder("gone").issuer, subject="local|gone", user_id=gone)
    world.invite(GLOBEX, f"gone@{OPEN_DOMAIN}", inviter="bob")


class Attempt(NamedTuple):
    description: str
    person: str | Person
    method: str
    path: str
    body: Any
    status: int
    code: str | None = None


ATTEMPTS = [
    # --- the caller's own platform role, and other fields that callers may not change ------------
    Attempt("user takes a platform role", "carol", "PATCH", ME, {"sysRole": "sys_owner"}, 422),
    Attempt("by the name of the column", "carol", "PATCH", ME, {"sys_role": "sys_owner"}, 422),
    Attempt("as a platform admin", "sam", "PATCH", ME, {"sysRole": "sys_owner"}, 422),
    Attempt("user takes another e-mail", "carol", "PATCH", ME, {"email": "root@zq7.example"}, 422),
    Attempt("user takes another id", "carol", "PATCH", ME, {"id": str(IDS["root"])}, 422),
    Attempt("user changes updatedBy", "carol", "PATCH", ME, {"updatedBy": str(IDS["root"])}, 422),
    Attempt("user takes organizations", "carol", "PATCH", ME, {"organizations": []}, 422),
    Attempt("another organization as the current one", "alice", "PATCH", ME,
            {"currentOrgId": str(GLOBEX)}, 409),
    Attempt("the same as an outsider", "erin", "PATCH", ME, {"currentOrgId": str(ACME)}, 409),
    Attempt("tenant owner uses an admin route", "alice", "PATCH", user("alice"), {"sysRole": "sys_owner"}, 403),
    Attempt("the same as a user", "carol", "PATCH", user("carol"), {"sysRole": "sys_admin"}, 403),
    Attempt("the same as a stranger", "stranger", "PATCH", user("alice"), {"sysRole": "sys_owner"}, 403,
            "not_provisioned"),
    Attempt("platform admin takes a higher role", "sam", "PATCH", user("sam"), {"sysRole": "sys_owner"}, 403),
    Attempt("platform admin promotes another user", "sam", "PATCH", user("erin"), {"sysRole": "sys_admin"}, 403),
    Attempt("the same with a change that is allowed", "sam", "PATCH", user("erin"),
            {"sysRole": "sys_owner", "isActive": True}, 403),
    Attempt("platform admin demotes the owner", "sam", "PATCH", user("root"), {"sysRole": "sys_user"}, 403),
    Attempt("platform admin deactivates the owner", "sam", "PATCH", user("root"), {"isActive": False}, 403),
    Attempt("platform role of another ladder", "root", "PATCH", user("sam"), {"sysRole": "org_owner"}, 422),
    Attempt("null as the platform role", "root", "PATCH", user("sam"), {"sysRole": None}, 422),
    Attempt("last sys_owner steps down", "root", "PATCH", user("root"), {"sysRole": "sys_admin"},
            409, "last_sys_owner"),
    Attempt("last sys_owner deactivates their own account", "root", "PATCH", user("root"), {"isActive": False}, 409,
            "last_sys_owner"),
    Attempt("tenant verifies its own domain", "alice", "POST", VERIFY.format(ACME_DOMAIN), None, 403),
    Attempt("tenant sets the field verifiedAt", "alice", "PATCH", f"{DOMAINS}/{ACME_DOMAIN}",
            {"verifiedAt": "2026-01-01T00:00:00Z"}, 422),
    # --- a role above the caller's own --------------------------------------------------------------
    Attempt("user becomes an admin", "carol", "PATCH", member("carol"), {"role": "org_admin"}, 403),
    Attempt("admin becomes an owner", "dave", "PATCH", member("dave"), {"role": "org_owner"}, 403),
    Attempt("admin makes another an owner", "dave", "PATCH", member("carol"), {"role": "org_owner"}, 403),
    Attempt("admin demotes an owner", "dave", "PATCH", member("alice"), {"role": "org_user"}, 403),
    Attempt("admin removes an owner", "dave", "DELETE", member("alice"), None, 403),
    Attempt("user removes an admin", "carol", "DELETE", member("dave"), None, 403),
    Attempt("user adds a member", "carol", "POST", MEMBERS, {"userId": str(IDS["erin"])}, 403),
    Attempt("admin adds an owner", "dave", "POST", MEMBERS, {"userId": str(IDS["erin"]), "role": "org_owner"}, 403),
    Attempt("admin adds a second membership", "dave", "POST", MEMBERS, {"userId": str(IDS["dave"])}, 409, "duplicate"),
    Attempt("admin invites an owner", "dave", "POST", INVITES, {"email": "x@y.example", "role": "org_owner"}, 403),
    Attempt("user invites a user", "carol", "POST", INVITES, {"email": "x@y.example"}, 403),
    Attempt("admin revokes an owner's invitation", "dave", "DELETE", f"{INVITES}/{BOSS_INVITE}", None, 403),
    Attempt("admin adds a domain that admits owners", "dave", "POST", DOMAINS,
            {"domain": "x.example", "defaultRole": "org_owner"}, 403),
    Attempt("admin makes a domain admit owners", "dave", "PATCH", f"{DOMAINS}/{ACME_DOMAIN}",
            {"defaultRole": "org_owner"}, 403),
    Attempt("user deletes the organization", "carol", "DELETE", ORG, None, 403),
    Attempt("admin deletes the organization", "dave", "DELETE", ORG, None, 403),
    Attempt("role of another ladder", "alice", "PATCH", member("carol"), {"role": "sys_owner"}, 422),
    # --- the last owner -----------------------------------------------------------------------------
    Attempt("last owner leaves", "alice", "DELETE", member("alice"), None, 409, "last_owner"),
    Attempt("last owner becomes an admin", "alice", "PATCH", member("alice"), {"role": "org_admin"}, 409, "last_owner"),
    Attempt("last owner becomes a user", "alice", "PATCH", member("alice"), {"role": "org_user"}, 409, "last_owner"),
    Attempt("the only member leaves", "bob", "DELETE", member("bob", GLOBEX_ORG), None, 409, "last_owner"),
    # --- another tenant's ids, in path and body -----------------------------------------------------
    Attempt("outsider renames the organization", "bob", "PATCH", ORG, {"name": "Mine"}, 404),
    Attempt("outsider deletes the organization", "bob", "DELETE", ORG, None, 404),
    Attempt("outsider joins as an owner", "bob", "POST", MEMBERS, {"userId": str(IDS["bob"]), "role": "org_owner"},
            404),
    Attempt("outsider invites their own e-mail", "bob", "POST", INVITES, {"email": "bob@zq7.example"}, 404),
    Attempt("outsider promotes a member", "bob", "PATCH", member("carol"), {"role": "org_owner"}, 404),
    Attempt("outsider removes a member", "bob", "DELETE", member("carol"), None, 404),
    Attempt("outsider leaves the organization", "bob", "DELETE", member("bob"), None, 404),
    Attempt("outsider revokes an invitation", "bob", "DELETE", f"{INVITES}/{ACME_INVITE}", None, 404),
    Attempt("outsider removes a domain", "bob", "DELETE", f"{DOMAINS}/{ACME_DOMAIN}", None, 404),
    Attempt("member of another organization in the path", "alice", "PATCH", member("bob"), {"role": "org_user"}, 404),
    Attempt("the same, removed", "alice", "DELETE", member("bob"), None, 404),
    Attempt("invitation of another organization in the path", "alice", "DELETE", f"{INVITES}/{GLOBEX_INVITE}", None,
            404),
    Attempt("domain of another organization in the path", "alice", "DELETE", f"{DOMAINS}/{GLOBEX_DOMAIN}", None, 404),
    Attempt("user of another organization in the body", "alice", "POST", MEMBERS, {"userId": str(IDS["bob"])},
            409, "broken_reference"),
    Attempt("absent user in the body", "alice", "POST", MEMBERS, {"userId": str(ABSENT)}, 409, "broken_reference"),
    Attempt("another organization in the body", "alice", "POST", INVITES,
            {"email": "x@y.example", "orgId": str(GLOBEX)}, 422),
    Attempt("another organization in the query", "alice", "POST", f"{INVITES}?orgId={GLOBEX}",
            {"email": "x@y.example"}, 422),
    Attempt("platform owner promotes a member", "root", "PATCH", member("carol"), {"role": "org_owner"}, 404),
    Attempt("platform admin joins a tenant", "sam", "POST", MEMBERS, {"userId": str(IDS["sam"])}, 404),
    Attempt("platform owner deletes a tenant", "root", "DELETE", ORG, None, 404),
    # --- invitations --------------------------------------------------------------------------------
    *[
        Attempt(f"{state} invitation", mallory(f"{state}@zq7.example"), "POST", ACCEPT,
                {"token": invite_token(f"{state}@zq7.example")}, status, code)
        for state, status, code in (
            ("accepted", 409, "invite_accepted"), ("late", 410, "invite_closed"),
            ("expired", 410, "invite_closed"), ("revoked", 410, "invite_closed"),
        )
    ],
    *[
        Attempt(f"stolen token: {how}", person, "POST", ACCEPT,
            {"token": invite_token("boss@zq7.example")}, 403, "wrong_email")
        for how, person in (
            ("user of the organization", TokenHolder("carol", email="carol@zq7.example")),
            ("its admin", TokenHolder("dave", email="dave@zq7.example")),
            ("owner of another", TokenHolder("bob", email="bob@zq7.example")),
            ("stranger", mallory("mallory@evil.example")),
            ("unverified", mallory("boss@zq7.example", verified=False)),
            ("without an e-mail", TokenHolder("mallory")),
            ("another issuer, unverified", mallory("boss@zq7.example", verified=False, issuer=EVIL)),
            ("similar address", mallory("boss@zq7.example.evil.example")),
            ("Cyrillic letter", mallory("b\u043ess@zq7.example")),
            ("two addresses", mallory("boss@zq7.example,mallory@evil.example")),
        )
    ],
    Attempt("hash as the token", "guest", "POST", ACCEPT, {"token": "0" * 64}, 404),
    Attempt("id as the token", "guest", "POST", ACCEPT, {"token": str(ACME_INVITE)}, 404),
    Attempt("empty token", "guest", "POST", ACCEPT, {"token": ""}, 422),
    Attempt("pattern as the token", "guest", "POST", ACCEPT, {"token": "%"}, 404),
    Attempt("role in the acceptance", "guest", "POST", ACCEPT,
            {"token": invite_token("guest@zq7.example"), "role": "org_owner"}, 422),
    Attempt("deactivated user accepts", TokenHolder("gone", email=f"gone@{OPEN_DOMAIN}"), "POST", ACCEPT,
            {"token": invite_token(f"gone@{OPEN_DOMAIN}")}, 403, "deactivated"),
    # --- the first sign-in --------------------------------------------------------------------------
    *[
        Attempt(f"provision: {how}", person, "POST", PROVISION, body, 403, "not_invited")
        for how, person, body in (
            ("not invited", mallory("mallory@evil.example"), None),
            ("unverified e-mail of an invitation", mallory("guest@zq7.example", verified=False), None),
            ("unverified e-mail of a domain", mallory(f"m@{OPEN_DOMAIN}", verified=False), None),
            ("closed invitation", mallory("revoked@zq7.example"), None),
            ("late invitation", mallory("late@zq7.example"), None),
            ("domain that was never verified", mallory(f"m@{CLAIMED_DOMAIN}"), None),
            ("subdomain", mallory(f"m@sub.{OPEN_DOMAIN}"), None),
            ("longer domain", mallory(f"m@{OPEN_DOMAIN}.evil.example"), None),
            ("domain with a prefix", mallory(f"m@evil-{OPEN_DOMAIN}"), None),
            ("trailing dot", mallory(f"m@{OPEN_DOMAIN}."), None),
            ("two at signs", mallory(f"m@evil.example@{OPEN_DOMAIN}"), None),
            ("quoted local part", mallory(f'"m@evil.example"@{OPEN_DOMAIN}'), None),
            ("two addresses", mallory(f"m@evil.example,x@{OPEN_DOMAIN}"), None),
            ("domain in Cyrillic", mallory("m@\u043epen-zq7.example"), None),
            ("ideographic dot", mallory("m@open-zq7\u3002example"), None),
            ("no local part", mallory(f"@{OPEN_DOMAIN}"), None),
            ("second issuer with a user's e-mail", TokenHolder("alice", issuer=EVIL, email="alice@zq7.example"), None),
            ("another subject with a user's e-mail", "stranger", None),
            ("another identity in the body", "stranger", {"sub": "local|alice", "iss": "https://issuer.test"}),
            ("another user's id in the body", "stranger", {"userId": str(IDS["alice"]), "role": "org_owner"}),
            ("first owner, too late", TokenHolder("first"), None),
            ("first owner's e-mail, too late", mallory("first@zq7.example"), None),
            ("first owner of another issuer", TokenHolder("first", issuer=EVIL), None),
            ("first owner's e-mail of another issuer", mallory("first@zq7.example", issuer=EVIL), None),
        )
    ],
    Attempt("provision another identity by the query", "stranger", "POST", f"{PROVISION}?sub=local%7Calice", None, 422),
    Attempt("user's verified e-mail from a second issuer", mallory(f"dora@{OPEN_DOMAIN}", issuer=EVIL), "POST",
            PROVISION, None, 409, "email_taken"),
    Attempt("user's e-mail under another subject", mallory(f"DORA@{OPEN_DOMAIN}"), "POST", PROVISION, None, 409,
            "email_taken"),
    Attempt("deactivated user signs in again", TokenHolder("gone", email=f"gone@{OPEN_DOMAIN}"), "POST", PROVISION,
            None, 403, "deactivated"),
    Attempt("same subject from a second issuer", TokenHolder("alice", issuer=EVIL), "PATCH", ME,
            {"fullName": "Mallory"}, 403, "not_provisioned"),
    Attempt("user's id as a subject", TokenHolder("", subject=str(IDS["alice"])), "PATCH", ME,
            {"fullName": "Mallory"}, 403, "not_provisioned"),
    Attempt("issuer with a trailing slash", TokenHolder("alice", issuer="https://issuer.test/"), "DELETE", ORG, None,
            403, "not_provisioned"),
    Attempt("same concatenation of issuer and subject",
            TokenHolder("", subject="alice", issuer="https://issuer.testlocal|"), "DELETE", ORG, None, 403,
            "not_provisioned"),
    Attempt("deactivated user updates the profile", TokenHolder("gone"), "PATCH", ME, {"fullName": "Gone"}, 403,
            "not_provisioned"),
    Attempt("expired token", "expired", "DELETE", ORG, None, 401, "token_expired"),
]  # fmt: skip
