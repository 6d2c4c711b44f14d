"""Sessions for callers with at least a role in the organization of the path."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from org_routes.authorization import REQUIRE, caller
from org_routes.with_fastapi.database import transaction
from sqlalchemy.orm import Session


def org_session(role):
    def session(request: Request, org_id: UUID):
        with transaction(caller(request.scope["aws.event"])) as opened:
            opened.connection().exec_driver_sql(REQUIRE, (org_id, role))
            yield opened

    # FastAPI's default scope commits after the response, so that an error of COMMIT would go unnoticed.
    return Depends(session, scope="function")


OrgUser = Annotated[Session, org_session("org_user")]
OrgAdmin = Annotated[Session, org_session("org_admin")]
