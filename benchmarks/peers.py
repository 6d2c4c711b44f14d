"""The same warm request through this project, by hand, through Powertools' validated resolver, and FastAPI with Mangum.

All have the same models and eleven routes and look at the same claims; nobody asks a database. Logs are written by one
of ours alone, in a row of its own.
The peers get what is best for them: Powertools a plain function for the claims instead of a middleware, FastAPI `async`
handlers, which take no thread.
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
    # Mangum asks for the thread's loop, which Python makes no more by itself.
    asyncio.set_event_loop(asyncio.new_event_loop())
    return Mangum(app, lifespan="off")


def events() -> list[dict[str, Any]]:
    """As the runtime hands them over: decoded a moment ago, each a dict of its own, with what API Gateway adds."""
    made = bench.events()
    for event in made:
        event["queryStringParameters"] = {"dryRun": "true"}
    return made


def child() -> None:
    warnings.simplefilter("ignore")
    apps = {"ours": bench.app, "by hand": bench.by_hand, "Powertools": powertools(), "FastAPI + Mangum": fastapi()}
    sent = events()
    for name, app in apps.items():
        check(name, app, sent[0])
    apps[bench.OBSERVED] = bench.watched()
    check(bench.OBSERVED, apps[bench.OBSERVED], sent[0])

    def each(app: Any) -> Any:
        def run() -> None:
            for event in sent:
                app(event, CONTEXT)

        return run

    times = harness.blocks({name: each(app) for name, app in apps.items()}, iterations=ITERATIONS)
    sys.stdout = sys.__stdout__
    print(json.dumps({name: [each / len(sent) for each in took] for name, took in times.items()}))


def check(name: str, app: Any, event: dict[str, Any]) -> None:
    """It does the work: the note comes back, and whoever may see no more is refused."""
    answer = app(event, CONTEXT)
    assert answer["statusCode"] in (200, 201), (name, answer)
    assert json.loads(answer["body"])["title"] == "Buy milk", (name, answer)
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
        "Warm request through its peers: 11 routes, the same models, no database, logs off",
        runs,
        [
            harness.Ratio("ours / by hand", "ours", "by hand", 10),
            harness.Ratio("ours / Powertools, validated", "ours", "Powertools", 1 / 9),
            harness.Ratio("ours / FastAPI + Mangum", "ours", "FastAPI + Mangum", 1 / 12),
        ],
    )


if __name__ == "__main__":
    child() if "child" in sys.argv else main()
