"""Modules: what the platform offers, and what an organization has turned on."""

from uuid import UUID

from org_common import App, OrgCheck, Page, PageRequest, Reader, SysCheck, Transaction

from cora_modules.mgmt.models.modules import Module, ModulePatch, OrgModule, OrgModulePatch
from cora_modules.mgmt.queries import modules as queries

app = App("mgmt-modules")

ORG_ADMIN = OrgCheck("org_admin")
SYS_ADMIN = SysCheck("sys_admin")


@app.get("/admin/sys/modules", allow=SYS_ADMIN)
def list_modules(db: Reader, page: PageRequest) -> Page[Module]:
    """List the modules of the platform by name."""
    return db.page(Module, queries.LIST_MODULES, page=page, by=("name",))


@app.patch("/admin/sys/modules/{name}", allow=SYS_ADMIN)
def update_module(tx: Transaction, name: str, body: ModulePatch) -> Module:
    """Turn a module on or off for all organizations, or change its configuration. Dependencies are checked."""
    return tx.one(Module, queries.UPDATE_MODULE, {"name": name, "patch": body})


@app.get("/orgs/{org_id}/modules", allow=ORG_ADMIN)
def list_org_modules(db: Reader, org_id: UUID, page: PageRequest) -> Page[OrgModule]:
    """List the modules by name, with their state in the organization and where it comes from."""
    return db.page(OrgModule, queries.LIST_ORG_MODULES, {"org_id": org_id}, page=page, by=("name",))


@app.patch("/orgs/{org_id}/modules/{name}", allow=ORG_ADMIN)
def update_org_module(tx: Transaction, org_id: UUID, name: str, body: OrgModulePatch) -> OrgModule:
    """Turn a module on or off for the organization, or change its configuration there. Dependencies are checked."""
    return tx.one(OrgModule, queries.UPDATE_ORG_MODULE, {"org_id": org_id, "name": name, "patch": body})
