"""The console over ASGI; in a browser: test_console_browser.py."""

import asyncio
import json
import re
import signal
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from org_common import PUBLIC, App
from org_common.pipeline import Pipeline
from org_common.testing.client import Client
from org_common.tools.openapi.explorer import Receive, Send
from org_common.tools.serve.console.console import BATCH, MAX_BODY, Console, is_stopping
from org_common.tools.serve.console.recorder import Recorder

HOST = "127.0.0.1:8000"
BENEATH = 299
DATA = ["/console/requests", "/console/events", "/console/people", "/console/panels"]
ACTIONS = ["/console/explain", "/console/viewers", "/console/again", "/console/run"]
JSON = {"content-type": "application/json"}
app = App("shown")


@app.get("/shown/{name}", allow=PUBLIC)
def read(name: str) -> str:
    return name


async def beneath(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": BENEATH, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture
def recorder() -> Recorder:
    made = Recorder()
    with made.recording():
        Client(app).get("/shown/one")
    return made


class Received:
    """A response; `on_part` is called with each part of its body, and the caller hangs up when it returns True."""

    def __init__(self, on_part: Callable[[bytes], bool] = lambda part: True) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""
        self._on_part = on_part
        self._gone = asyncio.Event()
        self.sent: list[bytes] = []

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            return
        self.body += message["body"]
        if self._on_part(self.body):
            self._gone.set()

    async def receive(self) -> dict[str, Any]:
        if self.sent:
            return {"type": "http.request", "body": self.sent.pop(0), "more_body": bool(self.sent)}
        await self._gone.wait()
        return {"type": "http.disconnect"}


def get(
    recorder: Recorder,
    path: str,
    *apps: App,
    method: str = "GET",
    query: bytes = b"",
    on_part: Callable[[bytes], bool] = lambda part: True,
    host: str = HOST,
    headers: Mapping[str, str] | None = None,
    body: Sequence[bytes] = (),
) -> Received:
    sent = {"host": host, **(headers or {})}
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query,
        "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
    }

    async def run() -> Received:
        received = Received(on_part)
        received.sent = list(body)
        await Console(beneath, apps or [app], recorder)(scope, received.receive, received.send)
        return received

    return asyncio.run(run())


def test_page_runs_its_own_script_and_style_only(recorder: Recorder) -> None:
    page = get(recorder, "/console")

    [nonce] = set(re.findall(r'nonce="([^"]+)"', page.body.decode()))
    directives = dict(each.split(" ", 1) for each in page.headers["content-security-policy"].split("; "))
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert directives["script-src"] == directives["style-src"] == f"'nonce-{nonce}'"
    assert (directives["default-src"], directives["connect-src"]) == ("'none'", "'self'")
    assert not re.findall(r"(?:https?:)?//[a-z]", page.body.decode())
    assert nonce not in get(recorder, "/console").body.decode()


def test_requests_are_json(recorder: Recorder) -> None:
    listed = get(recorder, "/console/requests")

    [record] = json.loads(listed.body)
    assert listed.headers["content-type"] == "application/json; charset=utf-8"
    assert (record["route"], record["path"], record["status"]) == ("GET /shown/{name}", "/shown/one", 200)
    assert record["id"] == recorder.since(0)[0].id


def test_new_request_is_streamed(recorder: Recorder) -> None:
    known = recorder.since(0)[0].id

    def ask_once(body: bytes) -> bool:
        if not body.endswith(b"retry: 500\n\n"):
            return True
        with recorder.recording():
            Client(app).get("/shown/two")
        return False

    stream = get(recorder, "/console/events", query=f"after={known}".encode(), on_part=ask_once)

    blocks = [dict(line.split(": ", 1) for line in block.splitlines()) for block in stream.body.decode().split("\n\n")]
    [event] = [block for block in blocks if "data" in block]
    assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert (int(event["id"]), json.loads(event["data"])["path"]) == (recorder.since(0)[1].id, "/shown/two")


@pytest.mark.parametrize(("offset", "events"), [(-1, 1), (0, 0)])
def test_stream_continues_after_the_last_id(recorder: Recorder, offset: int, events: int) -> None:
    """A browser that reconnects still has the query string of the first connection."""
    last = str(recorder.since(0)[0].id + offset)

    stream = get(recorder, "/console/events", query=b"after=0", headers={"last-event-id": last})

    assert stream.body.count(b"data: ") == events


def test_stream_ends_with_the_server(recorder: Recorder) -> None:
    class Server:
        should_exit = False

        def handle_exit(self, number: int, frame: object) -> None:
            self.should_exit = True

    server = Server()
    usual = signal.signal(signal.SIGTERM, server.handle_exit)
    try:
        assert not is_stopping()

        def stop(body: bytes) -> bool:
            signal.raise_signal(signal.SIGTERM)
            return False

        assert get(recorder, "/console/events", on_part=stop).status == 200
        assert is_stopping()
    finally:
        signal.signal(signal.SIGTERM, usual)


@pytest.mark.parametrize("path", ["/console", *DATA])
@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:8000"])
def test_console_is_for_this_machine_only(recorder: Recorder, path: str, host: str) -> None:
    assert get(recorder, path, host=host).status == BENEATH


@pytest.mark.parametrize("path", DATA)
@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://127.0.0.1:3000"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_data_is_for_pages_of_this_server_only(recorder: Recorder, path: str, headers: dict[str, str]) -> None:
    assert get(recorder, path, headers=headers).status == BENEATH


def test_own_page_and_programs_get_the_data(recorder: Recorder) -> None:
    own = {"origin": f"http://{HOST}", "sec-fetch-site": "same-origin"}

    assert [get(recorder, DATA[0], headers=headers).status for headers in (own, None)] == [200, 200]


def test_long_list_is_streamed_in_parts() -> None:
    recorder = Recorder()
    with recorder.recording():
        for number in range(2 * BATCH + 1):
            Client(app).get(f"/shown/{number}")
    parts: list[int] = []

    def count(body: bytes) -> bool:
        parts.append(body.count(b"data: "))
        return parts[-1] > 2 * BATCH

    get(recorder, "/console/events", on_part=count)

    assert list(dict.fromkeys(parts)) == [0, BATCH, 2 * BATCH, 2 * BATCH + 1]


@pytest.mark.parametrize("path", ["/console", *DATA])
def test_other_methods_are_passed_on(recorder: Recorder, path: str) -> None:
    assert get(recorder, path, method="POST").status == BENEATH


@pytest.mark.parametrize("path", ["/", "/console/", "/console/page.html", "/consoles"])
def test_other_paths_are_passed_on(recorder: Recorder, path: str) -> None:
    assert get(recorder, path).status == BENEATH


def test_path_of_an_app_takes_precedence(recorder: Recorder) -> None:
    own = App("own")

    @own.get("/console", allow=PUBLIC)
    def show() -> None:
        return None

    assert get(recorder, "/console", own).status == BENEATH


def post(recorder: Recorder, path: str, *body: bytes, **options: Any) -> Received:
    headers = options.pop("headers", {})
    return get(recorder, path, method="POST", body=body, headers={**JSON, **headers}, **options)


def again(recorder: Recorder, **body: object) -> dict[str, Any]:
    answer = post(recorder, "/console/again", json.dumps({"id": recorder.since(0)[0].id, **body}).encode())
    return {"status": answer.status, **json.loads(answer.body)}


def test_request_is_sent_again_beneath_the_console(recorder: Recorder) -> None:
    answer = again(recorder, person=None)

    assert answer["before"] == {"status": 200, "content_type": "application/json", "body": '"one"'}
    assert (answer["status"], answer["now"]["status"]) == (200, BENEATH)


def test_unknown_person_is_refused(recorder: Recorder) -> None:
    answer = again(recorder, person="mallory")

    assert (answer["status"], "there is no demo user 'mallory'" in answer["error"]) == (409, True)


@pytest.mark.parametrize("path", ACTIONS)
def test_action_says_what_it_cannot_do(recorder: Recorder, path: str) -> None:
    answer = post(recorder, path, b'{"id"', b": 1}")

    assert answer.status == 409
    assert json.loads(answer.body)["error"]


@pytest.mark.parametrize("body", [b"[]", b"{", b"", b"[" * 15_000, b'"' + b"x" * MAX_BODY + b'"'])
def test_body_of_an_action_is_a_short_object(recorder: Recorder, body: bytes) -> None:
    assert post(recorder, ACTIONS[0], body).status == 409


def test_unknown_action_is_reported(recorder: Recorder) -> None:
    assert post(recorder, "/console/nothing", b"{}").status == 404


@pytest.mark.parametrize("path", ACTIONS)
@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"host": "evil.example"},
    ],
)
def test_actions_are_for_the_page_itself(recorder: Recorder, path: str, headers: dict[str, str]) -> None:
    """A page elsewhere can send a form without asking, and cannot send JSON; DNS rebinding brings its own host."""
    assert post(recorder, path, b"{}", headers=headers).status == BENEATH


@pytest.mark.parametrize("path", ACTIONS)
def test_actions_are_not_for_links(recorder: Recorder, path: str) -> None:
    assert get(recorder, path).status == BENEATH


def test_requests_are_recorded_while_the_server_runs() -> None:
    usual, recorder = Pipeline.observe, Recorder()

    async def serve(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        Client(app).get("/shown/served")

    async def unused() -> dict[str, Any]:
        raise AssertionError

    asyncio.run(Console(serve, [app], recorder)({"type": "lifespan"}, unused, Received().send))

    assert [each.path for each in recorder.since(0)] == ["/shown/served"]
    assert Pipeline.observe is usual
