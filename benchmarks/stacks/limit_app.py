"""The lower bound: only the three libraries that do the work, one deferred model, one pipeline, no other checks."""

import os
from datetime import datetime
from uuid import UUID

import orjson
import psycopg
from by_hand import CLAIMS, GET_ORG, IDENTIFY, claims_of
from psycopg.rows import dict_row
from pydantic import BaseModel, ConfigDict


class Org(BaseModel):
    model_config = ConfigDict(defer_build=True)

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


connections = []


def handler(event, context):
    org_id = UUID(event["rawPath"].rpartition("/")[2])
    if not connections:
        connections.append(psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, row_factory=dict_row))
    connection = connections[0]
    with connection.pipeline():
        connection.execute(CLAIMS, [claims_of(event)])
        connection.execute(IDENTIFY)
        cursor = connection.execute(GET_ORG, [org_id])
    org = Org.model_validate(cursor.fetchone())
    return {
        "statusCode": 200,
        "headers": {"content-type": "application/json"},
        "body": orjson.dumps(org.model_dump(mode="json")).decode(),
    }
