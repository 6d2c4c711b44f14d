"""FastAPI behind Mangum, and SQLAlchemy on psycopg."""

import os
from datetime import datetime
from uuid import UUID

from by_hand import CLAIMS, GET_ORG, IDENTIFY, claims_of
from fastapi import FastAPI, Request
from mangum import Mangum
from pydantic import BaseModel
from sqlalchemy import create_engine

engine = create_engine(os.environ["DATABASE_URL"].replace("postgresql:", "postgresql+psycopg:"), pool_size=1)
app = FastAPI()


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


@app.get("/orgs/{org_id}")
def get_org(org_id: UUID, request: Request) -> Org:
    claims = claims_of(request.scope["aws.event"])
    with engine.begin() as connection:
        connection.exec_driver_sql(CLAIMS, (claims,))
        connection.exec_driver_sql(IDENTIFY)
        row = connection.exec_driver_sql(GET_ORG, (org_id,)).mappings().one()
    return Org(**row)


handler = Mangum(app, lifespan="off")
