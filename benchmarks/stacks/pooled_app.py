"""FastAPI with SQLAlchemy's pool in a container: the authorized read of one organization, with a verified token."""

import os
from datetime import datetime
from uuid import UUID

from by_hand import CLAIMS, GET_ORG, IDENTIFY
from fastapi import FastAPI, Request
from org_routes.authorization import REQUIRE
from pydantic import BaseModel
from sqlalchemy import create_engine


class Org(BaseModel):
    id: UUID
    name: str
    slug: str
    description: str | None
    logo_url: str | None
    website_url: str | None
    app_name: str | None
    app_icon: str | None
    my_role: str
    member_count: int
    created_at: datetime
    updated_at: datetime


def application(authorize, connections):
    """`authorize` verifies the header and returns the claims as JSON, as it does for org-common."""
    url = os.environ["DATABASE_URL"].replace("postgresql:", "postgresql+psycopg:")
    engine = create_engine(url, pool_size=connections, max_overflow=0)
    app = FastAPI()

    @app.get("/orgs/{org_id}")
    def get_org(org_id: UUID, request: Request) -> Org:
        claims = authorize(request.headers["authorization"])
        with engine.begin() as connection:
            connection.exec_driver_sql(CLAIMS, (claims,))
            connection.exec_driver_sql(IDENTIFY)
            connection.exec_driver_sql(REQUIRE, (org_id, "org_user"))
            row = connection.exec_driver_sql(GET_ORG, (org_id,)).mappings().one()
        return Org(**row)

    return app
