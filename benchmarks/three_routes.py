"""Three routes with org-common, with FastAPI and SQLAlchemy, and with Powertools and psycopg: the same responses.

    python benchmarks/three_routes.py

Installs the pinned packages of `stacks/fastapi.txt` and `stacks/powertools.txt`, and sends the same requests to the
handlers of `stacks/org_routes` and of `cora_modules`, on one PostgreSQL with the demo's data. Stops at the first
response with another status or body. Then it prints how many lines the routes need; `anatomy.py` explains the kinds.
"""

import dataclasses
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import parse_qsl

import coldstart
import route_lines

from cora_modules.demo import ACME
from org_common.events import http_api as gateway
from org_common.tools.runtime.environment import Environment, Function
from org_common.tools.serve.issuer import ISSUER, subject
from org_common.values.types import LocalContext

ORG, WORKSPACES = f"/orgs/{ACME}", f"/orgs/{ACME}/workspaces"
# Alice owns Acme, Carol has the lowest role in it, and Bob belongs to another organization. Zoe has no account.
OWNER, MEMBER, NON_MEMBER, UNKNOWN, EXPIRED, UNAUTHENTICATED = "alice", "carol", "bob", "zoe", "expired", None
NAMES = ("Alpha", "Beta", "Épsilon", "gamma", "Zeta")
STACKS = {
    "FastAPI + SQLAlchemy": ("c", "org_routes.with_fastapi.app.handler"),
    "Powertools + psycopg": ("b", "org_routes.with_powertools.app.handler"),
}
# What may differ: the codes and sentences of invalid values, the name of a path parameter, which is camelCase in
# org-common, and the cursor, which org-common encrypts. `updatedAt` is the time of each request and is left out.
DIFFERENT: dict[str, Callable[[Any], object]] = {
    "errors": lambda found: {each["in"] if each["in"] == "path" else each["pointer"] for each in found},
    "nextCursor": bool,
}
Send = Callable[[Any], Any]


@dataclasses.dataclass(frozen=True)
class Case:
    person: str | None
    expect: int
    method: str = "GET"
    path: str = ORG
    query: str = ""
    body: object = None

    def event(self) -> Any:
        expires_at = 1 if self.person == EXPIRED else 4102444800
        claims = {"iss": ISSUER, "sub": subject(self.person or ""), "exp": expires_at}
        event = gateway.event(
            self.method,
            self.path,
            query=self.query,
            headers={"host": "api.test", "content-type": "application/json"},
            body=b"" if self.body is None else json.dumps(self.body).encode(),
            claims=None if self.person is None else json.dumps(claims),
        )
        # API Gateway sends it as well, and Powertools reads it.
        event["queryStringParameters"] = dict(parse_qsl(self.query))
        return event


def cases() -> Iterator[Case]:
    """Each route for each caller, and what is invalid in it. A GET after each PATCH shows what it changed."""
    callers = {NON_MEMBER: 404, UNKNOWN: 403, EXPIRED: 401, UNAUTHENTICATED: 401}
    for person, expect in {OWNER: 200, MEMBER: 200, **callers}.items():
        yield Case(person, expect)
        yield Case(person, expect, path=WORKSPACES)
    for person, expect in {MEMBER: 403, **callers}.items():
        yield Case(person, expect, "PATCH", body={"description": "changed"})
        yield Case(OWNER, 200)
    for body in ({"description": "Parts", "websiteUrl": "https://acme.example"}, {"description": None}, {}):
        yield Case(OWNER, 200, "PATCH", body=body)
        yield Case(OWNER, 200)
    yield Case(OWNER, 409, "PATCH", body={"slug": "globex"})
    invalid: tuple[object, ...] = (
        {"name": ""},
        {"name": None},
        {"nmae": "Acme"},
        {"appName": 1, "logoUrl": "javascript:"},
        [],
    )
    for wrong in invalid:
        yield Case(OWNER, 422, "PATCH", body=wrong)
    for query in ("limit=0", "limit=101", "limit=x"):
        yield Case(OWNER, 422, path=WORKSPACES, query=query)
    yield Case(OWNER, 422, path="/orgs/x")
    yield Case(OWNER, 404, path="/orgs/0198a000-0000-7000-8000-0000000000ff")
    yield Case(OWNER, 400, path=WORKSPACES, query="cursor=AAAAAAAAAAAAAAAAAAAAAAAAAAAA")
    yield Case(OWNER, 200)


def main() -> None:
    with coldstart.world() as variables, ExitStack() as stack:
        os.environ |= variables
        ours = send_ours()
        for name in NAMES:
            assert ours(Case(OWNER, 201, "POST", WORKSPACES, body={"name": name}).event())["statusCode"] == 201
        expected = responses(ours)
        for name, (key, handler) in STACKS.items():
            installed = coldstart.installed(next(each for each in coldstart.STACKS if each.key == key))
            path = [coldstart.STACK_FILES, installed / "opt" / "python", installed / "client"]
            environment = Environment(Function(handler, path, options=("-S", "-s", "-B"), variables=variables))
            found = responses(send_to(stack.enter_context(environment)), reset=ours)
            for (case, ours_is), (_, theirs_is) in zip(expected, found, strict=True):
                if ours_is != theirs_is:
                    sys.exit(f"{name} differs from org-common: {case}\n  {ours_is}\n  {theirs_is}")
            print(f"{name}: {len(found)} responses equal those of org-common")
    print(f"\n{route_lines.table(coldstart.ROOT / 'src')}")


def send_ours() -> Send:
    """Send an event to the app of `cora_modules` that has its route."""
    from cora_modules.access import orgs
    from cora_modules.ws import workspaces

    context = LocalContext("three-routes", 29)
    return lambda event: (workspaces if event["rawPath"].endswith("/workspaces") else orgs).app(event, context)


def send_to(environment: Environment) -> Send:
    def send(event: Any) -> Any:
        invocation = environment.invoke(event)
        if invocation.error is not None:
            sys.exit(f"{environment.function.handler}: {invocation.error}\n{environment.output()}")
        return invocation.answer

    return send


def responses(send: Send, *, reset: Send | None = None) -> list[tuple[Case, object]]:
    """Status and body of each case, and the pages of the list. The organization is as the demo creates it before."""
    before = {"description": None, "websiteUrl": None}
    assert (reset or send)(Case(OWNER, 200, "PATCH", body=before).event())["statusCode"] == 200
    found: list[tuple[Case, object]] = []
    for case in cases():
        response = send(case.event())
        if response["statusCode"] != case.expect:
            sys.exit(f"{case}: {response}")
        found.append((case, (response["statusCode"], headers(response), comparable(response))))
    return [*found, *pages(send)]


def pages(send: Send) -> Iterator[tuple[Case, object]]:
    cursor = ""
    for _ in range(len(NAMES)):
        case = Case(OWNER, 200, path=WORKSPACES, query=f"limit=2{cursor}")
        response = send(case.event())
        yield dataclasses.replace(case, query="limit=2"), (response["statusCode"], comparable(response))
        following = read(response)["nextCursor"]
        if following is None:
            return
        cursor = f"&cursor={following}"
    sys.exit("the list does not end")


def headers(response: Any) -> list[str | None]:
    sent = {name.lower(): value for name, value in response["headers"].items()}
    return [sent.get(name) for name in ("content-type", "www-authenticate")]


def read(response: Any) -> Any:
    return json.loads(gateway.decode_body(response))


def comparable(response: Any) -> object:
    body = read(response)
    body.pop("updatedAt", None)
    return {key: DIFFERENT[key](value) if key in DIFFERENT else value for key, value in body.items()}


if __name__ == "__main__":
    main()
