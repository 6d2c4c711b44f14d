"""The same warm request with org-common, by hand, with Powertools' validated resolver, and with FastAPI and Mangum.

All have the same models and eleven routes and read the same claims; none uses a database. Only one variant of
org-common writes logs, in a separate row. The peers are set up in their favour: Powertools gets a plain function for
the claims instead of middleware, FastAPI gets `async` handlers, which need no thread.
"""

import asyncio
import json
import sys
import warnings
from typing import Annotated, Any
from uuid import UUID

import harness
import request as bench

from org_common.values.identity import Identity
from org_common.values.types import LocalContext

CONTEXT = LocalContext("bench", 29)
ITERATIONS = 5  # passes over the events
OTHERS = ("members", "domains", "invites", "files", "tags")


def powertools() -> Any:
    from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
    from aws_lambda_powertools.event_handler.openapi.params import Body, Query

    app = APIGatewayHttpResolver(enable_validation=True)

    def identity() -> Identity:
        return Identity.from_claims(app.current_event["requestContext"]["authorizer"]["lambda"]["claims"])

    @app.post("/orgs/<org_id>/notes")
    def create_note(
        org_id: UUID, body: Annotated[bench.NewNote, Body()], dry_run: Annotated[bool, Query(alias="dryRun")] = False
    ) -> bench.Note:
        identity()
        return bench.Note(id=org_id, title=body.title, body=body.body, priority=body.priority)

    def get_items(org_id: UUID) -> dict[str, str]:
        return {}

    def get_item(org_id: UUID, item_id: UUID) -> dict[str, str]:
        return {}

    for name in OTHERS:
        app.get(f"/orgs/<org_id>/{name}")(get_items)
        app.get(f"/orgs/<org_id>/{name}/<item_id>")(get_item)
    return app


def fastapi() -> Any:
    from fastapi import Depends, FastAPI, Query, Request
    from mangum import Mangum

    app = FastAPI()

    async def identity(request: Request) -> Identity:
        return Identity.from_claims(request.scope["aws.event"]["requestContext"]["authorizer"]["lambda"]["claims"])

    Caller = Annotated[Identity, Depends(identity)]  # noqa: N806 - a type

    @app.post("/orgs/{org_id}/notes", status_code=201)
    async def create_note(
        caller: Caller, org_id: UUID, body: bench.NewNote, dry_run: Annotated[bool, Query(alias="dryRun")] = False
    ) -> bench.Note:
        return bench.Note(id=org_id, title=body.title, body=body.body, priority=body.priority)

    async def get_items(caller: Caller, org_id: UUID) -> dict[str, str]:
        return {}

    async def get_item(caller: Caller, org_id: UUID, item_id: UUID) -> dict[str, str]:
        return {}

    for name in OTHERS:
        app.get(f"/orgs/{{org_id}}/{name}")(get_items)
        app.get(f"/orgs/{{org_id}}/{name}/{{item_id}}")(get_item)
    # Mangum needs the thread's event loop, which Python no longer creates automatically.
    asyncio.set_event_loop(asyncio.new_event_loop())
    return Mangum(app, lifespan="off")


def events() -> list[dict[str, Any]]:
    """Events as the runtime passes them: freshly decoded, each its own dict, with the fields that API Gateway adds."""
    sent = bench.events()
    for event in sent:
        event["queryStringParameters"] = {"dryRun": "true"}
    return sent


def child() -> None:
    warnings.simplefilter("ignore")
    apps = {"ours": bench.app, "by hand": bench.by_hand, "Powertools": powertools(), "FastAPI + Mangum": fastapi()}
    sent = events()
    for name, app in apps.items():
        check(name, app, sent[0])
    apps[bench.OBSERVED] = bench.watched()
    check(bench.OBSERVED, apps[bench.OBSERVED], sent[0])

    def send_all(app: Any) -> Any:
        def run() -> None:
            for event in sent:
                app(event, CONTEXT)

        return run

    times = harness.blocks({name: send_all(app) for name, app in apps.items()}, iterations=ITERATIONS)
    sys.stdout = sys.__stdout__
    print(json.dumps({name: [seconds / len(sent) for seconds in took] for name, took in times.items()}))


def check(name: str, app: Any, event: dict[str, Any]) -> None:
    """Check that the app does the work: it returns the note, and rejects invalid input."""
    response = app(event, CONTEXT)
    assert response["statusCode"] in (200, 201), (name, response)
    assert json.loads(response["body"])["title"] == "Buy milk", (name, response)
    if name == "by hand":
        return
    wrong = json.loads(json.dumps(event))
    wrong["body"] = json.dumps({"title": 1})
    assert app(wrong, CONTEXT)["statusCode"] == 422, name
    wrong["rawPath"] = wrong["requestContext"]["http"]["path"] = "/orgs/x/notes"
    assert app(wrong, CONTEXT)["statusCode"] == 422, name


def main() -> None:
    runs = harness.in_fresh_processes(__file__)
    harness.report(
        "Warm request compared with peers: 11 routes, the same models, no database, logs off",
        runs,
        [
            harness.Ratio("ours / by hand", "ours", "by hand", 10),
            harness.Ratio("ours / Powertools, validated", "ours", "Powertools", 1 / 9),
            harness.Ratio("ours / FastAPI + Mangum", "ours", "FastAPI + Mangum", 1 / 12),
        ],
    )


if __name__ == "__main__":
    child() if "child" in sys.argv else main()
