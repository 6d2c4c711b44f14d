"""Settings of workspaces: labels, defaults and limits, of the platform and of each organization."""

from uuid import UUID

from org_common import App, OrgCheck, Reader, SysCheck, Transaction

from cora_modules.ws.models.config import NewOrgConfig, OrgConfig, SysConfig
from cora_modules.ws.queries import config as queries

app = App("ws-config")

SYS_ADMIN = SysCheck("sys_admin")
ORG_ADMIN = OrgCheck("org_admin")


@app.get("/admin/sys/ws/config", allow=SYS_ADMIN)
def get_sys_config(db: Reader) -> SysConfig:
    """Return the platform's settings of workspaces."""
    return db.one(SysConfig, queries.GET_SYS_CONFIG)


@app.put("/admin/sys/ws/config", allow=SYS_ADMIN)
def set_sys_config(tx: Transaction, body: SysConfig) -> SysConfig:
    """Replace the platform's settings of workspaces. What exists is kept, even beyond a lower limit."""
    return tx.one(SysConfig, queries.SET_SYS_CONFIG, body)


@app.get("/orgs/{org_id}/ws/config", allow=ORG_ADMIN)
def get_org_config(db: Reader, org_id: UUID) -> OrgConfig:
    """Return the organization's settings of workspaces."""
    return db.one(OrgConfig, queries.GET_ORG_CONFIG, {"org_id": org_id})


@app.put("/orgs/{org_id}/ws/config", allow=ORG_ADMIN)
def set_org_config(tx: Transaction, org_id: UUID, body: NewOrgConfig) -> OrgConfig:
    """Replace the organization's settings of workspaces. What exists is kept, even beyond a lower limit."""
    tx.run(queries.SET_ORG_CONFIG, {"org_id": org_id, **body.model_dump()}, rows=1)
    return tx.one(OrgConfig, queries.GET_ORG_CONFIG, {"org_id": org_id})
