"""Who may do what with the notes behind powertools: events of API Gateway, on a real database."""

import json
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from notes_powertools import handler
from org_common.testing.client import ISSUER, Person
from org_common.tools.database.local import LocalDatabase, clone, drop

demo = runpy.run_path(str(Path(__file__).parents[1] / "notes" / "demo.py"))
CONTEXT: Any = None  # nobody here asks for anything of it
NOTES = f"/orgs/{demo['ACME']}/notes"


@pytest.fixture(scope="module", autouse=True)
def platform(database_template: LocalDatabase) -> Iterator[LocalDatabase]:
    """One database for all: a function keeps to the one that it found in its environment."""
    made = clone(database_template, "powertools")
    demo["seed"](made.admin_url, ISSUER)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ORG_COMMON_DATABASE_URL", made.login_url)
        yield made
    drop(made)


def send(method: str, person: str | None, body: object = None, path: str = NOTES) -> tuple[int, Any]:
    """An event of an HTTP API, with what the authorizer passes on, and the answer."""
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": "application/json", "host": "api.test"},
        "requestContext": {
            "domainName": "api.test",
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": ""},
            "requestId": "test",
            "stage": "$default",
        },
        "body": None if body is None else json.dumps(body),
        "isBase64Encoded": False,
    }
    if person is not None:
        event["requestContext"]["authorizer"] = {"lambda": {"claims": Person(f"local|{person}").claims()}}
    answer = handler(event, CONTEXT)
    return answer["statusCode"], json.loads(answer["body"])


def test_rows_are_those_of_the_caller() -> None:
    written, note = send("POST", "alice", {"text": "Buy milk"})
    assert written in (200, 201)

    assert send("GET", "carol") == (200, [note])
    assert send("GET", "bob") == (200, [])

    status, problem = send("POST", "bob", {"text": "Mine"})
    assert (status, problem["code"]) == (403, "forbidden")
    assert send("GET", "carol") == (200, [note])

    status, problem = send("GET", None)
    assert (status, problem["code"]) == (401, "unauthorized")

    assert send("POST", "alice", {"text": ""})[0] == 422
    assert send("GET", "alice", path="/orgs/x/notes")[0] == 422
