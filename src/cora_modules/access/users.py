"""People: their first sign-in, their profiles and sessions, the members of organizations, the platform's users."""

from typing import Annotated
from uuid import UUID

from cora_modules.access import queries
from cora_modules.access.audit import sys_read
from cora_modules.access.models.users import (
    Me,
    Member,
    MemberPatch,
    MePatch,
    NewMember,
    Session,
    SysUser,
    SysUserPatch,
)
from org_common import (
    SIGNED_IN,
    TOKEN,
    App,
    Check,
    Header,
    Identity,
    OrgCheck,
    Page,
    PageRequest,
    Reader,
    SysCheck,
    Transaction,
)

app = App("access-users")

ORG_USER = OrgCheck("org_user")
ORG_ADMIN = OrgCheck("org_admin")
SELF = Check("%(user_id)s = app.uid()")
SYS_ADMIN = SysCheck("sys_admin")

# `retry=True` where several rows are locked, and two requests could wait for each other: one is undone and runs again.


@app.get("/users/me", allow=SIGNED_IN)
def get_me(db: Reader) -> Me:
    """The caller, with his organizations and his role in each."""
    return db.one(Me, queries.GET_ME)


@app.patch("/users/me", allow=SIGNED_IN)
def update_me(tx: Transaction, body: MePatch) -> Me:
    """Change what is sent, leave the rest; `metadata` is merged."""
    return tx.one(Me, queries.PATCH_ME, {"patch": body})


@app.post("/users/me/provision", allow=TOKEN, retry=True)
def provision(tx: Transaction) -> Me:
    """First sign-in: make the user that the token speaks for, if somebody lets him in. He who is known is answered."""
    return tx.one(Me, queries.PROVISION)


@app.post("/users/me/session", allow=SIGNED_IN, status=201)
def start_session(tx: Transaction, identity: Identity, user_agent: Annotated[str | None, Header()] = None) -> Session:
    """Note the sign-in with this token; again with the same one goes on with it."""
    token = {"token_id": identity.token_id, "expires_at": identity.expires_at}
    return tx.one(Session, queries.START_SESSION, {**token, "user_agent": user_agent})


@app.delete("/users/me/session", allow=SIGNED_IN)
def end_session(tx: Transaction) -> None:
    """Note the sign-out, of all sessions. It takes no token back: that one is good until it expires."""
    tx.run(queries.END_SESSIONS, rows=1)


@app.get("/orgs/{org_id}/members", allow=ORG_USER)
def list_members(db: Reader, org_id: UUID, page: PageRequest) -> Page[Member]:
    """The members, those who came first first."""
    return db.page(Member, queries.LIST_MEMBERS, {"org_id": org_id}, page=page, by=("added_at", "id"))


@app.post("/orgs/{org_id}/members", allow=ORG_ADMIN, status=201, idempotent=True)
def add_member(tx: Transaction, org_id: UUID, body: NewMember) -> Member:
    """Add somebody whom the caller knows from another organization. Others are invited."""
    return tx.one(Member, queries.ADD_MEMBER, {"org_id": org_id, **body.model_dump()})


@app.patch("/orgs/{org_id}/members/{user_id}", allow=ORG_ADMIN, retry=True)
def change_member(tx: Transaction, org_id: UUID, user_id: UUID, body: MemberPatch) -> Member:
    """Give a member another role: none above the caller's own, and not to whom stands above him."""
    return tx.one(Member, queries.CHANGE_MEMBER, {"org_id": org_id, "user_id": user_id, "patch": body})


@app.delete("/orgs/{org_id}/members/{user_id}", allow=ORG_ADMIN | ORG_USER & SELF, retry=True)
def remove_member(tx: Transaction, org_id: UUID, user_id: UUID) -> None:
    """Take a member out; everybody may leave. The last owner stays."""
    tx.run(queries.REMOVE_MEMBER, {"org_id": org_id, "user_id": user_id}, rows=1)


@app.get("/admin/sys/users", allow=SYS_ADMIN)
def list_users(db: Reader, identity: Identity, page: PageRequest) -> Page[SysUser]:
    """All users of the platform, the oldest first."""
    users = db.page(SysUser, queries.LIST_USERS, page=page, by=("created_at", "id"))
    sys_read(identity, "users")
    return users


@app.get("/admin/sys/users/{user_id}", allow=SYS_ADMIN)
def get_user(db: Reader, identity: Identity, user_id: UUID) -> SysUser:
    """One user."""
    user = db.one(SysUser, queries.GET_USER, {"user_id": user_id})
    sys_read(identity, "user", user_id)
    return user


@app.patch("/admin/sys/users/{user_id}", allow=SYS_ADMIN, retry=True)
def update_user(tx: Transaction, user_id: UUID, body: SysUserPatch) -> SysUser:
    """Let a user in or out; a `sys_owner` gives roles too. The last of them stays."""
    return tx.one(SysUser, queries.PATCH_USER, {"user_id": user_id, "patch": body})
