"""The three routes with Powertools' resolver with validation, and psycopg."""

from typing import Annotated
from uuid import UUID

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler.openapi.params import Query
from by_hand import GET_ORG
from org_routes import paging
from org_routes.models import Org, OrgPatch, WorkspacePage
from org_routes.with_powertools import problems, queries
from org_routes.with_powertools.authorization import org_transaction

app = APIGatewayHttpResolver(enable_validation=True)
problems.register(app)


@app.get("/orgs/<org_id>")
def get_org(org_id: UUID) -> Org:
    """Return one organization."""
    with org_transaction(app, org_id, "org_user") as connection:
        return Org(**problems.found(connection.execute(GET_ORG, [org_id]).fetchone()))


@app.patch("/orgs/<org_id>")
def update_org(org_id: UUID, body: OrgPatch) -> Org:
    """Change the fields that are sent."""
    with org_transaction(app, org_id, "org_admin") as connection:
        if changes := body.model_dump(exclude_unset=True):
            connection.execute(queries.update_org(changes), {**changes, "org_id": org_id})
        return Org(**problems.found(connection.execute(GET_ORG, [org_id]).fetchone()))


@app.get("/orgs/<org_id>/workspaces")
def list_workspaces(
    org_id: UUID, limit: Annotated[int, Query(ge=1, le=100)] = 50, cursor: Annotated[str | None, Query()] = None
) -> WorkspacePage:
    """List the caller's workspaces in the organization, with their role and the number of members."""
    name, id = paging.decode(cursor) or (None, None)
    values = {"org_id": org_id, "name": name, "id": id, "limit": limit + 1}
    with org_transaction(app, org_id, "org_user") as connection:
        rows = connection.execute(queries.LIST_WORKSPACES, values).fetchall()
    return paging.page(rows, limit)


def handler(event, context):
    return app.resolve(event, context)
