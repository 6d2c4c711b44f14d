"""The streaming runtime as Lambda runs it: a process of its own, against a server of the Runtime API."""

import json
import time
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from org_common.events import http_api as gateway
from org_common.testing.sse import read_events
from org_common.tools.runtime.api import EnvironmentFailed, Invocation, StreamedAnswer
from org_common.tools.runtime.environment import SNAP_START, Environment, Function
from tests.support.recorded import recorded

pytestmark = pytest.mark.runtime

SOURCE = Path(__file__).parents[2] / "src"
WAIT_S = 20.0
SHOP = """
    import os
    import time
    from pathlib import Path

    from org_common import FUNCTION_URL, HTTP_API, PUBLIC, REST_API, App, Bearer, Conflict, Event, Response, Stream

    app = App("shop", identity=Bearer(), events=(FUNCTION_URL, REST_API, HTTP_API))
    gate = Path(__file__).with_name("gate")

    @app.get("/events", allow=PUBLIC)
    def events(heartbeat_s: float = 15.0) -> Stream:
        def items():
            try:
                print("produced 1")
                yield Event({"number": 1}, id="1")
                while not gate.exists():
                    yield None
                    time.sleep(0.01)
                print("produced 2")
                yield Event({"number": 2}, id="2")
            except GeneratorExit:
                print("hung up")
                raise
            finally:
                print("closed")
        stream = Stream(items(), heartbeat_s=heartbeat_s)
        stream.set_cookie("seen", "1")
        return stream

    @app.get("/fails", allow=PUBLIC)
    def fails(after: int = 0, raw: bool = False) -> Stream:
        def items():
            for number in range(after):
                yield b"x" * 10 if raw else Event(str(number))
            raise Conflict("Not now.", code="not_now")
        return Stream(items(), content_type="text/csv") if raw else Stream(items())

    @app.get("/big", allow=PUBLIC)
    def big() -> Response:
        return Response(bytes(7_000_000), headers={"content-type": "application/octet-stream"})

    @app.get("/hello", allow=PUBLIC)
    def hello() -> dict[str, str]:
        return {"say": "hello", "trace": os.environ["_X_AMZN_TRACE_ID"][:5]}
"""


def function(folder: Path, source: str = SHOP, **options: Any) -> Function:
    (folder / "shop.py").write_text(dedent(source))
    return Function("shop.app", [folder, SOURCE], program=("-m", "org_common.runtime"), **options)


def url_event(path: str, query: str = "") -> Any:
    event = recorded("function_url")
    del event["body"]
    event["requestContext"]["http"] |= {"method": "GET", "path": path}
    return event | {"rawPath": path, "rawQueryString": query, "isBase64Encoded": False}


def rest_event(path: str, query: str = "") -> Any:
    event = recorded("rest_api")
    values = dict(pair.split("=") for pair in query.split("&") if pair)
    event["requestContext"] |= {"path": path, "httpMethod": "GET"}
    return event | {
        "path": path,
        "httpMethod": "GET",
        "body": None,
        "isBase64Encoded": False,
        "queryStringParameters": values,
        "multiValueQueryStringParameters": {name: [value] for name, value in values.items()},
    }


EVENTS = pytest.mark.parametrize("event", [url_event, rest_event])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("function")


@pytest.fixture(scope="module")
def environment(folder: Path) -> Iterator[Environment]:
    with Environment(function(folder)) as running:
        yield running


@pytest.fixture(autouse=True)
def gate(folder: Path) -> Path:
    gate = folder / "gate"
    gate.unlink(missing_ok=True)
    return gate


def stream_of(invocation: Invocation) -> StreamedAnswer:
    assert invocation.streaming.wait(WAIT_S)
    assert invocation.stream is not None
    return invocation.stream


def ask(environment: Environment, event: Any) -> tuple[StreamedAnswer, bytes]:
    """A response stream that has ended."""
    invocation = environment.begin(event)
    answer = stream_of(invocation)
    body = b"".join(answer.chunks(WAIT_S))
    assert invocation.done.wait(WAIT_S)
    return answer, body


def wait_for(environment: Environment, text: str, start: int) -> None:
    until = time.monotonic() + WAIT_S
    while text not in environment.output()[start:]:
        assert time.monotonic() < until, environment.output()[start:]
        time.sleep(0.01)


@EVENTS
def test_first_event_is_received_before_the_second_is_produced(
    environment: Environment, gate: Path, event: Any
) -> None:
    start = len(environment.output())
    invocation = environment.begin(event("/events"))
    answer = stream_of(invocation)
    chunks = answer.chunks(WAIT_S)

    first = next(chunks)
    output = environment.output()[start:]
    gate.touch()
    rest = b"".join(chunks)

    assert (first, rest) == (b'id: 1\ndata: {"number":1}\n\n', b'id: 2\ndata: {"number":2}\n\n')
    assert "produced 1" in output
    assert "produced 2" not in output
    assert answer.is_complete
    assert (answer.mode, answer.content_type) == (
        "streaming",
        "application/vnd.awslambda.http-integration-response",
    )
    assert answer.head["statusCode"] == 200
    assert answer.head["headers"]["content-type"] == "text/event-stream"
    assert answer.head["headers"]["x-accel-buffering"] == "no"
    [cookie] = answer.head.get("cookies") or answer.head["multiValueHeaders"]["set-cookie"]
    assert cookie.startswith("seen=1")
    assert answer.trailers == {}


@EVENTS
def test_other_responses_of_the_function_are_streams_too(environment: Environment, event: Any) -> None:
    answer, body = ask(environment, event("/hello"))
    missing, problem = ask(environment, event("/nowhere"))

    assert (answer.head["statusCode"], json.loads(body)) == (200, {"say": "hello", "trace": "Root="})
    assert (missing.head["statusCode"], json.loads(problem)["code"]) == (404, "unknown_route")
    assert answer.is_complete
    assert missing.is_complete


def test_complete_response_may_be_larger_than_elsewhere(environment: Environment) -> None:
    answer, body = ask(environment, url_event("/big"))

    assert (answer.head["statusCode"], len(body)) == (200, 7_000_000)


@pytest.mark.parametrize("event", [None, 17, [], "text", {}, {"version": "2.0"}])
def test_unknown_event_is_a_complete_response(environment: Environment, event: Any) -> None:
    invocation = environment.invoke(event)

    assert invocation.stream is None
    assert invocation.answer["statusCode"] == 500


def test_malformed_event_is_a_stream_as_well(environment: Environment) -> None:
    event = url_event("/hello")
    event["headers"] = 17

    answer, body = ask(environment, event)

    assert answer.head["statusCode"] == 500
    assert json.loads(body)["status"] == 500


@pytest.mark.parametrize(
    "event",
    [
        gateway.event("GET", "/events"),
        recorded("http_api_format_1") | {"path": "/events", "httpMethod": "GET", "multiValueQueryStringParameters": {}},
    ],
    ids=["2.0", "1.0"],
)
def test_http_api_gets_a_complete_response(environment: Environment, gate: Path, event: Any) -> None:
    gate.touch()

    invocation = environment.invoke(event)

    assert invocation.stream is None
    assert invocation.answer["statusCode"] == 200
    assert [each.id for each in read_events(invocation.answer["body"].encode())] == ["1", "2"]


def test_heartbeats_fill_idle_times(environment: Environment, gate: Path) -> None:
    answer = stream_of(environment.begin(url_event("/events", "heartbeatS=0.05")))
    chunks = answer.chunks(WAIT_S)

    assert [next(chunks) for _ in range(3)][1:] == [b": \n\n"] * 2
    gate.touch()
    assert b'data: {"number":2}' in b"".join(chunks)


def test_hang_up_reaches_the_iterator_and_the_next_invocation_is_served(environment: Environment) -> None:
    start = len(environment.output())
    answer = stream_of(environment.begin(url_event("/events")))
    next(answer.chunks(WAIT_S))
    began = time.monotonic()

    answer.hang_up()

    wait_for(environment, "hung up\nclosed\n", start)
    print(f"hang-up noticed after {time.monotonic() - began:.3f} s")
    wait_for(environment, '"stream":"hang_up"', start)
    assert ask(environment, url_event("/hello"))[0].head["statusCode"] == 200


def test_error_before_the_first_byte_is_a_problem(environment: Environment) -> None:
    answer, body = ask(environment, url_event("/fails"))

    assert (answer.head["statusCode"], json.loads(body)["code"]) == (409, "not_now")
    assert answer.head["headers"]["content-type"] == "application/problem+json"


def test_error_after_the_first_byte_is_an_event(environment: Environment) -> None:
    answer, body = ask(environment, url_event("/fails", "after=2"))

    *data, error = read_events(body)
    assert ([each.data for each in data], error.event) == (["0", "1"], "error")
    assert json.loads(str(error.data))["code"] == "not_now"
    assert (answer.is_complete, answer.trailers) == (True, {})


def test_bytes_end_in_the_trailers_of_an_error(environment: Environment) -> None:
    answer, body = ask(environment, url_event("/fails", "after=3&raw=true"))

    report = json.loads(b64decode(answer.trailers["lambda-runtime-function-error-body"]))
    assert body == b"x" * 30
    assert answer.trailers["lambda-runtime-function-error-type"] == report["errorType"] == "StreamFailed"
    assert json.loads(report["errorMessage"])["code"] == "not_now"


def test_stream_ends_before_the_time_limit(environment: Environment) -> None:
    start = len(environment.output())
    invocation = environment.begin(url_event("/events"), timeout_s=1.5)
    body = b"".join(stream_of(invocation).chunks(WAIT_S))

    *_, error = read_events(body)
    assert (error.event, json.loads(str(error.data))["code"]) == ("error", "timeout")
    wait_for(environment, '"stream":"timeout"', start)
    assert "closed" in environment.output()[start:]


def test_line_of_the_request_is_written_at_the_end(environment: Environment, gate: Path) -> None:
    start = len(environment.output())
    gate.touch()
    _, body = ask(environment, url_event("/events"))

    wait_for(environment, '"message":"GET /events 200"', start)
    [line] = [json.loads(each) for each in environment.output()[start:].splitlines() if '"stream"' in each]
    assert (line["stream"], line["ResponseBytes"], line["StreamItems"]) == ("complete", len(body), 2)
    assert line["TimeToFirstByte"] <= line["Duration"]


def test_other_handlers_respond_as_under_aws_s_client(tmp_path: Path) -> None:
    source = """
        def app(event, context):
            if event == "fail":
                raise ValueError("no")
            return [event, "é", context.function_name, context.memory_limit_in_mb, context.aws_request_id != "",
                    0 < context.get_remaining_time_in_millis() <= 30000]
    """
    with Environment(function(tmp_path, source)) as environment:
        answer = environment.invoke({"a": 1}).answer
        error = environment.invoke("fail").error

    assert answer == [{"a": 1}, "é", "local", "512", True, True]
    assert (error["errorType"], error["errorMessage"]) == ("ValueError", "no")
    assert "in app" in "".join(error["stackTrace"])


@pytest.mark.parametrize(
    ("source", "variables", "message"),
    [
        ("import no_such_module", {}, "No module named 'no_such_module'"),
        ("handler = 1", {}, "has no attribute 'app'"),
        ("def app(event, context): ...", {"AWS_LAMBDA_MAX_CONCURRENCY": "3"}, "handles one invocation at a time"),
    ],
)
def test_function_that_cannot_start_is_reported(
    tmp_path: Path, source: str, variables: dict[str, str], message: str
) -> None:
    with pytest.raises(EnvironmentFailed, match=message), Environment(function(tmp_path, source, variables=variables)):
        pass


HOOKS = """
    from snapshot_restore_py import register_after_restore, register_before_snapshot
    ran = []
    register_before_snapshot(ran.append, "b1")
    register_before_snapshot(ran.append, "b2")
    register_after_restore(ran.append, "a1")
    register_after_restore(ran.append, "a2")
    def app(event, context): return ran
"""


def test_snapshot_hooks_run_in_aws_s_order(tmp_path: Path) -> None:
    with Environment(function(tmp_path, HOOKS, initialization=SNAP_START)) as environment:
        environment.restore()
        assert environment.invoke({}).answer == ["b2", "b1", "a1", "a2"]


@pytest.mark.parametrize("hook", ["register_before_snapshot", "register_after_restore"])
def test_hook_that_fails_is_reported(tmp_path: Path, hook: str) -> None:
    source = f"""
        from snapshot_restore_py import {hook}
        @{hook}
        def fail(): raise ValueError("the hook")
        def app(event, context): ...
    """
    with (
        pytest.raises(EnvironmentFailed, match="the hook"),
        Environment(function(tmp_path, source, initialization=SNAP_START)) as environment,
    ):
        environment.restore()


def test_wrapper_starts_it_in_the_place_of_aws_s_client(tmp_path: Path) -> None:
    made = function(
        tmp_path,
        command=("/bin/sh", str(SOURCE / "org_common" / "runtime.sh")),
        variables={"_HANDLER": "shop.app"},
    )
    with Environment(made) as environment:
        answer, body = ask(environment, url_event("/hello"))

    assert answer.mode == "streaming"
    assert json.loads(body)["say"] == "hello"
