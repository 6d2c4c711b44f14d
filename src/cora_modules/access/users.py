"""The users function: the caller with their sessions and invitations, members, and the platform's users."""

from uuid import UUID

from org_common import App, Page, PageRequest, Reader, SysCheck, Transaction

from cora_modules.access import me, members, my_invites, sessions
from cora_modules.access.models.users import SysUser, SysUserPatch
from cora_modules.access.queries import users as queries

app = App("access-users")
app.include(me.router, sessions.router, my_invites.router, members.router)

SYS_ADMIN = SysCheck("sys_admin")


@app.get("/admin/sys/users", allow=SYS_ADMIN)
def list_users(db: Reader, page: PageRequest) -> Page[SysUser]:
    """List all users of the platform, oldest first."""
    return db.page(SysUser, queries.LIST_USERS, page=page, by=("created_at", "id"))


@app.get("/admin/sys/users/{user_id}", allow=SYS_ADMIN)
def get_user(db: Reader, user_id: UUID) -> SysUser:
    """Return one user."""
    return db.one(SysUser, queries.GET_USER, {"user_id": user_id})


# `retry=True`: it locks several rows, and a request that deadlocks with another one runs again.
@app.patch("/admin/sys/users/{user_id}", allow=SYS_ADMIN, retry=True)
def update_user(tx: Transaction, user_id: UUID, body: SysUserPatch) -> SysUser:
    """Activate or deactivate a user. A `sys_owner` may also change roles. The last active `sys_owner` stays."""
    return tx.one(SysUser, queries.UPDATE_USER, {"user_id": user_id, "patch": body})
