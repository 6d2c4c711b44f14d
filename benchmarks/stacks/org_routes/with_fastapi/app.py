"""The three routes with FastAPI behind Mangum, and SQLAlchemy's ORM on psycopg."""

from typing import Annotated
from uuid import UUID

from fastapi import FastAPI, Query
from mangum import Mangum
from org_routes import paging
from org_routes.models import Org, OrgPatch, WorkspacePage
from org_routes.with_fastapi import tables
from org_routes.with_fastapi.authorization import OrgAdmin, OrgUser
from org_routes.with_fastapi.problems import HANDLERS

app = FastAPI(exception_handlers=HANDLERS)


@app.get("/orgs/{org_id}")
def get_org(session: OrgUser, org_id: UUID) -> Org:
    """Return one organization."""
    return Org(**session.execute(tables.select_org(org_id)).mappings().one())


@app.patch("/orgs/{org_id}")
def update_org(session: OrgAdmin, org_id: UUID, body: OrgPatch) -> Org:
    """Change the fields that are sent."""
    if changes := body.model_dump(exclude_unset=True):
        session.execute(tables.update_org(org_id, changes))
    return Org(**session.execute(tables.select_org(org_id)).mappings().one())


@app.get("/orgs/{org_id}/workspaces")
def list_workspaces(
    session: OrgUser, org_id: UUID, limit: Annotated[int, Query(ge=1, le=100)] = 50, cursor: str | None = None
) -> WorkspacePage:
    """List the caller's workspaces in the organization, with their role and the number of members."""
    statement = tables.select_workspaces(org_id, limit + 1, after=paging.decode(cursor))
    return paging.page(session.execute(statement).mappings().all(), limit)


handler = Mangum(app, lifespan="off")
