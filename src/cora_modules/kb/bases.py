"""Knowledge bases of organizations and workspaces."""

from uuid import UUID

from org_common import OrgCheck, Page, PageRequest, Reader, Router, Transaction

from cora_modules.kb.models.bases import Base, BasePatch, NewBase
from cora_modules.kb.queries import bases as queries
from cora_modules.kb.rules import BASE_READER, BASE_WRITER
from cora_modules.ws.rules import WsCheck

router = Router()

ORG_USER = OrgCheck("org_user")
ORG_ADMIN = OrgCheck("org_admin")
WS_USER = WsCheck("ws_user")
WS_ADMIN = WsCheck("ws_admin")


@router.get("/orgs/{org_id}/kb", allow=ORG_USER)
def list_org_bases(db: Reader, org_id: UUID, page: PageRequest) -> Page[Base]:
    """List the knowledge bases that the whole organization reads, by name."""
    return db.page(Base, queries.LIST_OF_ORG, {"org_id": org_id}, page=page, by=("name", "id"))


@router.post("/orgs/{org_id}/kb", allow=ORG_ADMIN, status=201, idempotent=True, location="/kb/{id}")
def create_org_base(tx: Transaction, org_id: UUID, body: NewBase) -> Base:
    """Create a knowledge base that the whole organization reads."""
    return tx.one(Base, queries.CREATE_IN_ORG, {"org_id": org_id, **body.model_dump()})


@router.get("/workspaces/{ws_id}/kb", allow=WS_USER)
def list_workspace_bases(db: Reader, ws_id: UUID, page: PageRequest) -> Page[Base]:
    """List the knowledge bases of the workspace, by name."""
    return db.page(Base, queries.LIST_OF_WORKSPACE, {"ws_id": ws_id}, page=page, by=("name", "id"))


@router.post("/workspaces/{ws_id}/kb", allow=WS_ADMIN, status=201, idempotent=True, location="/kb/{id}")
def create_workspace_base(tx: Transaction, ws_id: UUID, body: NewBase) -> Base:
    """Create a knowledge base that the members of the workspace read."""
    return tx.one(Base, queries.CREATE_IN_WORKSPACE, {"ws_id": ws_id, **body.model_dump()})


@router.get("/kb/{base_id}", allow=BASE_READER)
def get_base(db: Reader, base_id: UUID) -> Base:
    """Return one knowledge base."""
    return db.one(Base, queries.GET_BASE, {"base_id": base_id})


@router.patch("/kb/{base_id}", allow=BASE_WRITER)
def update_base(tx: Transaction, base_id: UUID, body: BasePatch) -> Base:
    """Change the fields that are sent."""
    return tx.one(Base, queries.UPDATE_BASE, {"base_id": base_id, "patch": body})


@router.delete("/kb/{base_id}", allow=BASE_WRITER)
def delete_base(tx: Transaction, base_id: UUID) -> None:
    """Delete a knowledge base. Searches find its documents no longer."""
    tx.value(queries.DELETE_BASE, {"base_id": base_id})
