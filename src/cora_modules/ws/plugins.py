"""Plugins: which modules a workspace uses, as platform, organization and workspace set it."""

from uuid import UUID

from org_common import App, Page, PageRequest, Reader, Transaction

from cora_modules.ws.models.plugins import NewPlugin, Plugin
from cora_modules.ws.queries import plugins as queries
from cora_modules.ws.rules import WsCheck

app = App("ws-plugins")


@app.get("/workspaces/{ws_id}/plugins", allow=WsCheck("ws_user"))
def list_plugins(db: Reader, ws_id: UUID, page: PageRequest) -> Page[Plugin]:
    """List the modules: whether each is on, who decides that, and the workspace's settings."""
    return db.page(Plugin, queries.LIST_PLUGINS, {"ws_id": ws_id}, page=page, by=("module",))


@app.put("/workspaces/{ws_id}/plugins/{module}", allow=WsCheck("ws_admin"), retry=True)
def set_plugin(tx: Transaction, ws_id: UUID, module: str, body: NewPlugin) -> Plugin:
    """Turn a module on or off in the workspace, or inherit, and replace its settings."""
    tx.value(queries.SET_PLUGIN, {"ws_id": ws_id, "module": module, **body.model_dump()})
    return tx.one(Plugin, queries.GET_PLUGIN, {"ws_id": ws_id, "module": module})
