"""A warm request without a database: an event is validated and authorized, and a response dict is returned."""

import json
import os
import sys
import time
from typing import Any
from uuid import UUID

import harness
import orjson

from org_common import TOKEN, App, Model
from org_common.events import http_api as gateway
from org_common.telemetry.requests import observe
from org_common.values.types import LocalContext

EVENTS = 200
CALLERS = 20
ITERATIONS = 10  # passes over the events
OBSERVED = "ours, with logs and metrics"
# One log line per request, as in a function whose callers are traced.
IN_LAMBDA = {
    "ORG_COMMON_LOG_FORM": "json",
    "_X_AMZN_TRACE_ID": "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
}


class NewNote(Model):
    title: str
    body: str
    priority: int = 0


class Note(Model):
    id: UUID
    title: str
    body: str
    priority: int


def create_note(org_id: UUID, body: NewNote, dry_run: bool = False) -> Note:
    return Note(id=org_id, title=body.title, body=body.body, priority=body.priority)


def get_items(org_id: UUID) -> dict[str, str]:
    return {}


def get_item(org_id: UUID, item_id: UUID) -> dict[str, str]:
    return {}


def notes() -> App:
    app = App("bench")
    app.post("/orgs/{org_id}/notes", allow=TOKEN, status=201)(create_note)
    for name in ("members", "domains", "invites", "files", "tags"):
        app.get(f"/orgs/{{org_id}}/{name}", allow=TOKEN)(get_items)
        app.get(f"/orgs/{{org_id}}/{name}/{{item_id}}", allow=TOKEN)(get_item)
    return app


app = notes()


def by_hand(event: dict[str, Any], context: object) -> dict[str, Any]:
    """The minimum by hand, without validation."""
    claims = orjson.loads(event["requestContext"]["authorizer"]["lambda"]["claims"])
    body = orjson.loads(event["body"])
    org_id = event["rawPath"].split("/")[2]
    if claims["exp"] < time.time():
        return {"statusCode": 401, "body": ""}
    note = {"id": org_id, "title": body["title"], "body": body["body"], "priority": body.get("priority", 0)}
    return {"statusCode": 201, "headers": {"content-type": "application/json"}, "body": orjson.dumps(note).decode()}


def events() -> list[dict[str, Any]]:
    """Events as the runtime passes them: freshly decoded, each its own dict."""
    claims = [
        json.dumps({"iss": "https://issuer.test", "sub": f"local|user-{at}", "exp": time.time() + 3600})
        for at in range(CALLERS)
    ]
    body = json.dumps({"title": "Buy milk", "body": "Two litres of it", "priority": 3}).encode()
    texts = [
        json.dumps(
            gateway.event(
                "POST",
                f"/orgs/0198a000-0000-7000-8000-{at:012x}/notes",
                query="dryRun=true",
                headers={"content-type": "application/json", "authorization": "Bearer x", "host": "api.test"},
                body=body,
                claims=claims[at % CALLERS],
            )
        )
        for at in range(EVENTS)
    ]
    return [json.loads(text) for text in texts]


def watched() -> App:
    """An app that logs each request. The app above has been called before, so it keeps logs off."""
    sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - until the figures are printed
    os.environ |= IN_LAMBDA
    observe()
    return notes()


def child() -> None:
    sent = events()
    context = LocalContext("bench", 29)
    assert app(sent[0], context)["statusCode"] == by_hand(sent[0], context)["statusCode"] == 201

    observed = watched()
    assert observed(sent[0], context)["statusCode"] == 201

    def ours() -> None:
        for event in sent:
            app(event, context)

    def ours_observed() -> None:
        for event in sent:
            observed(event, context)

    def handwritten() -> None:
        for event in sent:
            by_hand(event, context)

    times = harness.blocks({"ours": ours, OBSERVED: ours_observed, "by hand": handwritten}, iterations=ITERATIONS)
    sys.stdout = sys.__stdout__
    print(json.dumps({name: [seconds / EVENTS for seconds in took] for name, took in times.items()}))


def main() -> None:
    runs = harness.in_fresh_processes(__file__)
    harness.report(
        "Warm request, no database",
        runs,
        [harness.Ratio("ours / by hand, logs off", "ours", "by hand", 10)],
        [harness.Added("logs and metrics add", OBSERVED, "ours", 25)],
    )


if __name__ == "__main__":
    child() if "child" in sys.argv else main()
