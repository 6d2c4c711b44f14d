"""What a hostile caller can hold of a server: no body without a token, none without end, and not everyone's threads."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any
from uuid import UUID

import pytest

from org_common import PUBLIC, TOKEN, App, Bearer, Model
from org_common.asgi import BODY_LIMIT_BYTES, Asgi, Authorize, Scope
from org_common.config.settings import Settings
from org_common.db.database import Database
from org_common.testing import TokenIssuer
from org_common.tools.serve.issuer import LocalIssuer

ORGS = [f"0198a000-0000-7000-8000-00000000000{at}" for at in range(4)]
Reply = tuple[int, dict[str, Any]]


class Note(Model):
    text: str


class Caller:
    """One HTTP request, as a server hands it over: what was read of it is counted."""

    def __init__(self, method: str, path: str, token: str | None = None, **headers: str) -> None:
        sent = headers | ({} if token is None else {"authorization": f"Bearer {token}"})
        self.scope: Scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in sent.items()],
            "client": ("203.0.113.7", 1234),
        }
        self.reads = 0

    async def ask(self, asgi: Asgi, receive: Callable[[], Awaitable[dict[str, Any]]] | None = None) -> Reply:
        sent: list[dict[str, Any]] = []

        async def counted() -> dict[str, Any]:
            self.reads += 1
            return await (receive or _nothing)()

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await asgi(self.scope, counted, send)
        body = sent[1]["body"]
        return sent[0]["status"], json.loads(body) if body else {}


async def _nothing() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _endless() -> dict[str, Any]:
    return {"type": "http.request", "body": b" " * 1024 * 1024, "more_body": True}


async def _never() -> dict[str, Any]:
    await asyncio.sleep(3600)
    return {}


async def _drops() -> dict[str, Any]:
    await asyncio.sleep(0.01)
    return {"type": "http.request", "body": b" ", "more_body": True}


RELEASE = Event()


@pytest.fixture(autouse=True)
def _released() -> Iterator[None]:
    RELEASE.clear()
    yield
    RELEASE.set()


@pytest.fixture
def issuer(tmp_path: Path) -> LocalIssuer:
    return LocalIssuer.load(tmp_path)


def served(authorize: Authorize | None, *, bearer: Bearer | None = None, threads: int = 8) -> Asgi:
    app = App("limits") if bearer is None else App("limits", identity=bearer)

    @app.post("/notes", allow=TOKEN)
    def add(body: Note) -> None: ...

    @app.get("/orgs/{org_id}/slow", allow=TOKEN)
    def slow(org_id: UUID) -> None:
        RELEASE.wait(20)

    @app.get("/orgs/{org_id}/quick", allow=TOKEN)
    def quick(org_id: UUID) -> None: ...

    @app.get("/public/slow", allow=PUBLIC)
    def public_slow() -> None:
        RELEASE.wait(20)

    @app.get("/public/quick", allow=PUBLIC)
    def public_quick() -> None: ...

    @app.post("/public/notes", allow=PUBLIC)
    def public_add(body: Note) -> None: ...

    database = Database(Settings(database_url="postgresql://app_login@127.0.0.1:1/none"))
    return Asgi([app], database=database, authorize=authorize, threads=threads, waiting=40)


def run(asgi: Asgi, caller: Caller, receive: Callable[[], Awaitable[dict[str, Any]]] | None = None) -> Reply:
    return asyncio.run(asyncio.wait_for(caller.ask(asgi, receive), 20))


LENGTHS: list[dict[str, str]] = [{"content_length": "5000000"}, {"transfer_encoding": "chunked"}, {}]


@pytest.mark.parametrize("length", LENGTHS, ids=str)
@pytest.mark.parametrize("token", [None, "", "abc", "a.b.c", "forged"])
@pytest.mark.parametrize("verifies", ["authorizer", "app"])
def test_body_is_not_read_without_a_valid_token(
    issuer: LocalIssuer, tmp_path: Path, verifies: str, token: str | None, length: dict[str, str]
) -> None:
    tokens = TokenIssuer("https://issuer.test")
    if verifies == "authorizer":
        asgi = served(issuer.authorize)
        other = LocalIssuer.load(tmp_path / "other").token("alice")
    else:
        asgi = served(None, bearer=Bearer(verifier=tokens.verifier()))
        other = issuer.token("alice")
    caller = Caller("POST", "/notes", other if token == "forged" else token, **length)

    status, problem = run(asgi, caller, _endless)

    assert status == 401
    assert problem["status"] == 401
    assert caller.reads == 0


@pytest.mark.parametrize("length", [{"transfer_encoding": "chunked"}, {}], ids=str)
@pytest.mark.parametrize("path", ["/notes", "/public/notes", "/unknown"])
def test_endless_body_is_read_to_the_limit_and_no_further(
    issuer: LocalIssuer, path: str, length: dict[str, str]
) -> None:
    caller = Caller("POST", path, issuer.token("alice"), **length)

    status, problem = run(served(issuer.authorize), caller, _endless)

    assert (status, problem["code"]) == (413, "payload_too_large")
    assert caller.reads == BODY_LIMIT_BYTES // (1024 * 1024) + 1


def test_body_that_is_too_long_by_its_header_is_not_read(issuer: LocalIssuer) -> None:
    caller = Caller("POST", "/notes", issuer.token("alice"), content_length=str(BODY_LIMIT_BYTES + 1))

    status, _ = run(served(issuer.authorize), caller, _endless)

    assert (status, caller.reads) == (413, 0)


@pytest.mark.parametrize("receive", [_never, _drops])
def test_body_that_does_not_arrive_ends_with_the_request_s_time(
    issuer: LocalIssuer, monkeypatch: pytest.MonkeyPatch, receive: Any
) -> None:
    monkeypatch.setattr("org_common.asgi.TIMEOUT_S", 0.3)
    began_s = time.monotonic()

    status, problem = run(served(issuer.authorize), Caller("POST", "/public/notes", content_length="100000"), receive)

    assert (status, problem["code"]) == (408, "request_timeout")
    assert time.monotonic() - began_s < 10


async def _all(asgi: Asgi, slow: list[Caller], quick: list[Caller]) -> list[int]:
    """The statuses of the quick ones while the slow ones are held."""
    held = [asyncio.create_task(caller.ask(asgi)) for caller in slow]
    # The slow ones come first: each has been admitted or queued.
    await asyncio.wait(held, timeout=0.3)
    statuses = [status for status, _ in await asyncio.gather(*[caller.ask(asgi) for caller in quick])]
    RELEASE.set()
    await asyncio.gather(*held)
    return statuses


def test_one_caller_s_slow_requests_stop_nobody_else(issuer: LocalIssuer) -> None:
    slow = [Caller("GET", f"/orgs/{ORGS[at % 4]}/slow", issuer.token("alice")) for at in range(30)]
    quick = [Caller("GET", f"/orgs/{org}/quick", issuer.token(name)) for org in ORGS for name in ("bob", "carol")]
    quick += [Caller("GET", "/public/quick")] * 4

    statuses = asyncio.run(asyncio.wait_for(_all(served(issuer.authorize), slow, quick), 20))

    assert statuses == [204] * 12


def test_one_organization_s_slow_requests_stop_no_other(issuer: LocalIssuer) -> None:
    slow = [Caller("GET", f"/orgs/{ORGS[0]}/slow", issuer.token(f"user {at}")) for at in range(16)]
    quick = [Caller("GET", f"/orgs/{org}/quick", issuer.token("bob")) for org in ORGS[1:]]

    statuses = asyncio.run(asyncio.wait_for(_all(served(issuer.authorize), slow, quick), 20))

    assert statuses == [204] * 3


def test_slow_public_requests_of_one_address_stop_no_signed_in_caller(issuer: LocalIssuer) -> None:
    slow = [Caller("GET", "/public/slow") for _ in range(20)]
    quick = [Caller("GET", f"/orgs/{org}/quick", issuer.token("bob")) for org in ORGS]

    statuses = asyncio.run(asyncio.wait_for(_all(served(issuer.authorize), slow, quick), 20))

    assert statuses == [204] * 4


def test_what_the_queue_does_not_hold_is_503_with_retry_after(issuer: LocalIssuer) -> None:
    async def main() -> list[int]:
        asgi = served(issuer.authorize)
        callers = [Caller("GET", f"/orgs/{ORGS[0]}/slow", issuer.token("alice")) for _ in range(30)]
        tasks = [asyncio.create_task(caller.ask(asgi)) for caller in callers]
        await asyncio.wait(tasks, timeout=0.5)
        refused = [task.result() for task in tasks if task.done()]
        RELEASE.set()
        assert {problem["code"] for _, problem in refused} == {"unavailable"}
        return [status for status, _ in await asyncio.gather(*tasks)]

    statuses = asyncio.run(asyncio.wait_for(main(), 20))

    # Two run and ten wait.
    assert statuses.count(204) == 12
    assert statuses.count(503) == 18
