"""Settings of answers: of the platform, of each organization, and both merged for its members."""

from uuid import UUID

from org_common import App, OrgCheck, Reader, SysCheck, Transaction

from cora_modules.ai.models.config import OrgConfig, SysConfig
from cora_modules.ai.models.resolved_model import EffectiveConfig
from cora_modules.ai.queries import config as queries
from cora_modules.ai.queries.models_in_use import EFFECTIVE_CONFIG

app = App("ai-config")

SYS_ADMIN = SysCheck("sys_admin")
ORG_ADMIN = OrgCheck("org_admin")
ORG_USER = OrgCheck("org_user")


@app.get("/admin/sys/ai/config", allow=SYS_ADMIN)
def get_sys_config(db: Reader) -> SysConfig:
    """Return the platform's settings of answers."""
    return db.one(SysConfig, queries.GET_SYS_CONFIG)


@app.put("/admin/sys/ai/config", allow=SYS_ADMIN)
def set_sys_config(tx: Transaction, body: SysConfig) -> SysConfig:
    """Replace the platform's settings of answers. Its models must be available."""
    return tx.one(SysConfig, queries.SET_SYS_CONFIG, body)


@app.get("/orgs/{org_id}/ai/config", allow=ORG_ADMIN)
def get_org_config(db: Reader, org_id: UUID) -> OrgConfig:
    """Return the organization's settings of answers."""
    return db.one(OrgConfig, queries.GET_ORG_CONFIG, {"org_id": org_id})


@app.put("/orgs/{org_id}/ai/config", allow=ORG_ADMIN)
def set_org_config(tx: Transaction, org_id: UUID, body: OrgConfig) -> OrgConfig:
    """Replace the organization's settings of answers. Its model must be available."""
    return tx.one(OrgConfig, queries.SET_ORG_CONFIG, {"org_id": org_id, **body.model_dump()})


@app.get("/orgs/{org_id}/ai/config/effective", allow=ORG_USER)
def get_effective_config(db: Reader, org_id: UUID) -> EffectiveConfig:
    """Return the organization's settings merged with the platform's, as answers use them."""
    return db.one(EffectiveConfig, EFFECTIVE_CONFIG, {"org_id": org_id})
