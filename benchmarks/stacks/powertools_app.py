"""Powertools' resolver with validation, and psycopg."""

import os
from datetime import datetime
from uuid import UUID

import psycopg
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from by_hand import claims_of, read
from psycopg.rows import dict_row
from pydantic import BaseModel


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


app = APIGatewayHttpResolver(enable_validation=True)
connections = []


@app.get("/orgs/<org_id>")
def get_org(org_id: UUID) -> Org:
    if not connections:
        connections.append(psycopg.connect(os.environ["DATABASE_URL"], row_factory=dict_row))
    with connections[0].transaction():
        return Org(**read(connections[0], claims_of(app.current_event.raw_event), org_id))


def handler(event, context):
    return app.resolve(event, context)
