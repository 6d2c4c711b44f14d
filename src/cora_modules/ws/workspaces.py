"""Workspaces: their life from creation to deletion, restoration and purge, favorites and activity."""

from uuid import UUID

from org_common import App, AsService, Deadline, Gone, OrgCheck, Page, PageRequest, Reader, Transaction

from cora_modules.ws import members
from cora_modules.ws.models.workspaces import (
    Activity,
    DeletedWorkspace,
    NewWorkspace,
    Transfer,
    Workspace,
    WorkspacePatch,
)
from cora_modules.ws.queries import workspaces as queries
from cora_modules.ws.rules import DeletedWsCheck, WsCheck

app = App("ws-workspaces")
app.include(members.router)

ORG_USER = OrgCheck("org_user")
WS_USER = WsCheck("ws_user")
WS_ADMIN = WsCheck("ws_admin")
WS_OWNER = WsCheck("ws_owner")


@app.get("/orgs/{org_id}/workspaces", allow=ORG_USER)
def list_workspaces(db: Reader, org_id: UUID, page: PageRequest) -> Page[Workspace]:
    """List the caller's workspaces in the organization, with their role and the number of members."""
    return db.page(Workspace, queries.LIST_WORKSPACES, {"org_id": org_id}, page=page, by=("name", "id"))


# `retry=True`, here and below: they lock several rows, and a request that deadlocks with another one runs again.
@app.post(
    "/orgs/{org_id}/workspaces", allow=ORG_USER, status=201, idempotent=True, retry=True, location="/workspaces/{id}"
)
def create_workspace(tx: Transaction, org_id: UUID, body: NewWorkspace) -> Workspace:
    """Create a workspace, if the organization's settings allow it. The caller becomes its owner."""
    return tx.one(Workspace, queries.CREATE_WORKSPACE, {"org_id": org_id, **body.model_dump()})


@app.get("/workspaces/{ws_id}", allow=WS_USER)
def get_workspace(db: Reader, ws_id: UUID) -> Workspace:
    """Return one workspace."""
    return db.one(Workspace, queries.GET_WORKSPACE, {"ws_id": ws_id})


@app.patch("/workspaces/{ws_id}", allow=WS_ADMIN, retry=True)
def update_workspace(tx: Transaction, ws_id: UUID, body: WorkspacePatch) -> Workspace:
    """Change the fields that are sent."""
    return tx.one(Workspace, queries.UPDATE_WORKSPACE, {"ws_id": ws_id, "patch": body})


@app.delete("/workspaces/{ws_id}", allow=WS_OWNER, retry=True)
def delete_workspace(tx: Transaction, ws_id: UUID) -> None:
    """Delete a workspace. Its owners can restore it until its retention is over."""
    tx.value(queries.DELETE_WORKSPACE, {"ws_id": ws_id})


@app.get("/orgs/{org_id}/workspaces/deleted", allow=ORG_USER)
def list_deleted_workspaces(db: Reader, org_id: UUID, page: PageRequest) -> Page[DeletedWorkspace]:
    """List the deleted workspaces that the caller can restore, the latest first."""
    by = ("-deleted_at", "id")
    return db.page(DeletedWorkspace, queries.LIST_DELETED_WORKSPACES, {"org_id": org_id}, page=page, by=by)


@app.post("/workspaces/{ws_id}/restore", allow=DeletedWsCheck("ws_owner"), retry=True, raises=[Gone])
def restore_workspace(tx: Transaction, ws_id: UUID) -> Workspace:
    """Restore a deleted workspace, with the members that it had when it was deleted."""
    tx.value(queries.RESTORE_WORKSPACE, {"ws_id": ws_id})
    return tx.one(Workspace, queries.GET_WORKSPACE, {"ws_id": ws_id})


@app.post("/workspaces/{ws_id}/transfer", allow=WS_OWNER, retry=True)
def transfer_workspace(tx: Transaction, ws_id: UUID, body: Transfer) -> Workspace:
    """Make another member the owner. The caller becomes an admin."""
    tx.value(queries.TRANSFER_WORKSPACE, {"ws_id": ws_id, "user_id": body.user_id})
    return tx.one(Workspace, queries.GET_WORKSPACE, {"ws_id": ws_id})


@app.put("/workspaces/{ws_id}/favorite", allow=WS_USER)
def add_favorite(tx: Transaction, ws_id: UUID) -> None:
    """Mark the workspace as a favorite of the caller."""
    tx.run(queries.ADD_FAVORITE, {"ws_id": ws_id}, rows=None)


@app.delete("/workspaces/{ws_id}/favorite", allow=WS_USER)
def remove_favorite(tx: Transaction, ws_id: UUID) -> None:
    """Remove the mark."""
    tx.run(queries.REMOVE_FAVORITE, {"ws_id": ws_id}, rows=None)


@app.get("/workspaces/{ws_id}/activity", allow=WS_USER)
def list_activity(db: Reader, ws_id: UUID, page: PageRequest) -> Page[Activity]:
    """List what happened in the workspace, newest first."""
    by = ("created_at", "id")
    return db.page(Activity, queries.LIST_ACTIVITY, {"ws_id": ws_id}, page=page, by=by, descending=True)


@app.schedule("cron(0 3 * * ? *)", allow=AsService("workspaces of all organizations are past their retention"))
def purge_workspaces(deadline: Deadline) -> None:
    """Delete what is past its retention. What is left near the deadline waits for the next day."""
    from cora_modules.ws.purge import purge_expired

    purge_expired(deadline)
