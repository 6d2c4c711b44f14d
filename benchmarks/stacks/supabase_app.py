"""supabase-py with boto3 and requests: over HTTP to PostgREST."""

import json
import os

import boto3  # noqa: F401 - for the secrets
import requests  # noqa: F401 - for everything else
from supabase import create_client

client = create_client(os.environ["SUPABASE_URL"], os.environ["SUPABASE_KEY"])


def handler(event, context):
    org_id = event["rawPath"].rpartition("/")[2]
    found = client.table("orgs").select("*").eq("id", org_id).execute()
    return {
        "statusCode": 200,
        "headers": {"content-type": "application/json"},
        "body": json.dumps(found.data[0]),
    }
