"""One line a request, with who, where and how it went, and its metrics; and nothing that must not be seen."""

from __future__ import annotations

import importlib
import json
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest

from org_common import PUBLIC, TOKEN, App, Conflict, Response
from org_common.events import http_api as gateway
from org_common.secrets.store import reset_default
from org_common.telemetry import log, metrics, trace
from org_common.telemetry.invocation import current
from org_common.telemetry.process import Process
from org_common.telemetry.pseudonym import Pseudonyms
from org_common.telemetry.requests import observe
from org_common.testing.client import ISSUER, Client, Person
from org_common.values.types import LocalContext
from tests.support import emf
from tests.support.lines import Sink, untouched_logging

ORG = "0198a000-0000-7000-8000-000000000001"
KEY = "9f3c" * 8
TRACE_ID = "5759e988bd862e3fe1be46a994272793"
logger = log.get_logger("shop")


@pytest.fixture(autouse=True)
def _restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("org_common.telemetry.requests.process", Process())
    with untouched_logging():
        yield


@pytest.fixture
def lambda_(monkeypatch: pytest.MonkeyPatch) -> Sink:
    """A Lambda environment, as far as it shows: its variables, and its runtime's handler on the root logger."""
    for name, value in {
        "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001",
        "AWS_LAMBDA_FUNCTION_NAME": "shop-orders",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "ORG_COMMON_LOG_PSEUDONYM_KEY": KEY,
        # Other tests have imported it.
        "ORG_COMMON_TRACES": "off",
        "_X_AMZN_TRACE_ID": f"Root=1-{TRACE_ID[:8]}-{TRACE_ID[8:]};Parent=53995c3f42cd8ad8;Sampled=1",
    }.items():
        monkeypatch.setenv(name, value)
    sink = Sink()
    handler = logging.StreamHandler()
    handler.log_sink = sink  # type: ignore[attr-defined]
    logging.getLogger().addHandler(handler)
    return sink


def orders() -> App:
    app = App("orders")

    @app.get("/orgs/{org_id}/orders", allow=TOKEN)
    def list_orders(org_id: UUID) -> dict[str, int]:
        logger.debug("looking")
        logger.info("listed")
        metrics.count("OrdersListed", 3)
        return {"n": 3}

    @app.get("/invites/{code}", allow=PUBLIC)
    def get_invite(code: str) -> Response:
        return Response(b"x" * 10)

    @app.get("/fails/{how}", allow=PUBLIC)
    def fail(how: str) -> None:
        logger.debug("step 1")
        if how == "conflict":
            raise Conflict(code="last_owner")
        raise RuntimeError("password=hunter2")

    return app


def requests(sink: Sink) -> list[dict[str, Any]]:
    return [line for line in sink.lines if "status" in line]


def test_line_says_who_where_and_how_it_went(lambda_: Sink) -> None:
    client = Client(orders(), person=Person("local|alice", email="alice@example.com"))

    client.get(f"/orgs/{ORG}/orders")

    [line] = requests(lambda_)
    said = {name: line[name] for name in ("level", "message", "route", "status", "function", "tenant", "user")}
    assert said == {
        "level": "INFO",
        "message": "GET /orgs/{org_id}/orders 200",
        "route": "GET /orgs/{org_id}/orders",
        "status": 200,
        "function": "shop-orders",
        "tenant": ORG,
        "user": Pseudonyms(KEY).of(ISSUER, "local|alice"),
    }
    assert (line["request_id"], line["lambda_request_id"], line["trace_id"]) == ("local", "test", TRACE_ID)


def test_pseudonym_has_the_stored_key(lambda_: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ORG_COMMON_LOG_PSEUDONYM_KEY")
    monkeypatch.setenv("ORG_COMMON_LOG_PSEUDONYM_KEY_SECRET", "env:STORED#key")
    monkeypatch.setenv("ORG_COMMON_ALLOW_PLAIN_SECRETS", "1")
    monkeypatch.setenv("STORED", f'{{"key": "{KEY[::-1]}"}}')
    reset_default()

    Client(orders(), person=Person("local|alice")).get(f"/orgs/{ORG}/orders")

    assert {line["user"] for line in lambda_.lines} == {Pseudonyms(KEY[::-1]).of(ISSUER, "local|alice")}
    reset_default()


def test_each_line_of_the_request_says_whose_it_is(lambda_: Sink) -> None:
    Client(orders(), person=Person("local|alice")).get(f"/orgs/{ORG}/orders")

    listed, request = lambda_.lines
    assert listed["message"] == "listed"
    for name in ("function", "request_id", "lambda_request_id", "trace_id", "tenant", "user", "route"):
        assert listed[name] == request[name]


def test_metrics_are_in_the_line(lambda_: Sink) -> None:
    Client(orders(), person=Person("local|alice")).get(f"/orgs/{ORG}/orders")

    [line] = requests(lambda_)
    found = emf.metrics(line)
    assert found["OrdersListed"] == ("Count", 3, ("function",))
    assert found["ResponseBytes"] == ("Bytes", 7, ("function",))
    assert found["Faults"] == ("Count", 0, ("function",))
    assert found["Duration"][0] == "Milliseconds"
    assert found["ColdStart"] == ("Count", 1, ("function", "init_type"))
    assert line["init_type"] == "on-demand"


def test_only_the_first_request_is_cold(lambda_: Sink) -> None:
    client = Client(orders())

    client.get("/invites/a")
    client.get("/invites/b")

    assert ["ColdStart" in emf.metrics(line) for line in requests(lambda_)] == [True, False]


def test_no_dimension_is_a_tenant_or_a_user(lambda_: Sink) -> None:
    Client(orders(), person=Person("local|alice")).get(f"/orgs/{ORG}/orders")

    [line] = requests(lambda_)
    assert {name for _, _, names in emf.metrics(line).values() for name in names} == {"function", "init_type"}


def test_problem_says_its_code_and_is_no_fault(lambda_: Sink) -> None:
    Client(orders()).get("/fails/conflict")

    [line] = requests(lambda_)
    assert (line["status"], line["code"], line["Faults"]) == (409, "last_owner", 0)


def test_failure_is_an_error_with_what_led_to_it_and_a_fault(lambda_: Sink) -> None:
    Client(orders()).get("/fails/bug")

    step, error, line = lambda_.lines
    assert (step["level"], step["message"]) == ("DEBUG", "step 1")
    assert (error["level"], error["message"]) == ("ERROR", "GET /fails/{how} failed")
    assert (error["error"]["type"], error["error"]["message"]) == ("RuntimeError", "password=***")
    assert (line["status"], line["code"], line["Faults"]) == (500, "internal_error", 1)
    assert "hunter2" not in str(lambda_.written)


def test_value_of_the_path_is_in_no_line(lambda_: Sink) -> None:
    Client(orders()).get("/invites/s3cret-c0de")

    assert "s3cret-c0de" not in str(lambda_.written)


def test_path_without_a_route_is_shown_masked(lambda_: Sink) -> None:
    Client(orders()).get("/nothing/alice@example.com")

    [line] = requests(lambda_)
    assert (line["message"], line["path"], line["code"]) == ("GET 404", "/nothing/[email]", "unknown_route")


def test_event_that_is_no_request_has_its_line(lambda_: Sink) -> None:
    orders()({"authorization": "hunter2"}, LocalContext("r-lambda", 29))

    *_, line = lambda_.lines
    assert (line["status"], line["lambda_request_id"], line["Faults"]) == (500, "r-lambda", 1)
    assert "hunter2" not in str(lambda_.written)


@pytest.mark.parametrize("value", ["a" * 65, "alice@example.com", "a b", "ü"])
def test_what_is_no_id_is_no_tenant(value: str, lambda_: Sink) -> None:
    Client(orders(), person=Person("local|alice")).get(f"/orgs/{value}/orders")

    [line] = requests(lambda_)
    assert "tenant" not in line


def test_lambda_s_own_tenant_comes_first(lambda_: Sink) -> None:
    context = LocalContext("r-1", 29)
    context.tenant_id = "acme"
    event = gateway.event("GET", f"/orgs/{ORG}/orders", claims=Person("local|alice").claims())

    orders()(event, context)

    assert requests(lambda_)[0]["tenant"] == "acme"


def test_caller_s_own_trace_is_kept_beside_lambda_s(lambda_: Sink) -> None:
    Client(orders()).get("/invites/a", headers={"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"})

    [line] = requests(lambda_)
    assert (line["trace_id"], line["caller_trace_id"]) == (TRACE_ID, "ab" * 16)


def test_metrics_can_be_off(lambda_: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORG_COMMON_METRICS", "off")

    Client(orders()).get("/invites/a")

    [line] = requests(lambda_)
    assert "_aws" not in line
    assert (line["status"], line["ResponseBytes"]) == (200, 10)
    assert (line["ColdStart"], line["init_type"]) == (1, "on-demand")


def test_metrics_survive_a_level_above_info(lambda_: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_LOG_LEVEL", "ERROR")
    monkeypatch.setenv("AWS_LAMBDA_LOG_FORMAT", "JSON")

    Client(orders(), person=Person("local|alice")).get(f"/orgs/{ORG}/orders")

    [(frame, line)] = lambda_.written
    assert frame == log.frame(logging.ERROR, is_json=True)
    assert emf.metrics(json.loads(line))["OrdersListed"][1] == 3


def test_without_metrics_a_level_above_info_leaves_no_line(lambda_: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORG_COMMON_METRICS", "off")
    monkeypatch.setenv("ORG_COMMON_LOG_LEVEL", "WARNING")

    Client(orders()).get("/invites/a")

    assert lambda_.written == []


def test_all_can_be_off(lambda_: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORG_COMMON_LOG_FORM", "off")

    assert Client(orders()).get("/invites/a").status == 200
    assert lambda_.written == []


def test_debug_lines_of_a_sampled_trace_come_out(lambda_: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORG_COMMON_LOG_DEBUG_SAMPLE", "0.5")
    client = Client(orders(), person=Person("local|alice"))

    for last in ("00000000", "7fffffff", "80000000", "ffffffff"):
        monkeypatch.setenv("_X_AMZN_TRACE_ID", f"Root=1-{TRACE_ID[:8]}-{TRACE_ID[8:24]}{last}")
        client.get(f"/orgs/{ORG}/orders")

    seen = [line["trace_id"][-8:] for line in lambda_.lines if line["message"] == "looking"]
    assert seen == ["00000000", "7fffffff"]


def test_faults_of_the_environment_are_told_and_the_defaults_hold(
    lambda_: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORG_COMMON_LOG_LEVEL", "loud")

    Client(orders()).get("/invites/a")

    fault, line = lambda_.lines
    assert fault["level"] == "ERROR"
    assert fault["message"].startswith("ORG_COMMON_LOG_LEVEL is 'loud'")
    assert line["status"] == 200


def test_function_whose_name_is_no_dimension_goes_without_metrics(
    lambda_: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "ü")

    assert Client(orders()).get("/invites/a").status == 200
    assert "_aws" not in lambda_.lines[-1]


def test_counter_that_fails_costs_no_answer(lambda_: Sink) -> None:
    broken = False

    def source() -> dict[str, float]:
        if broken:
            raise RuntimeError
        return {}

    metrics.collect(source)
    broken = True
    answer = Client(orders()).get("/invites/a")
    metrics._sources.clear()

    assert answer.status == 200
    assert lambda_.lines[-1]["message"] == "could not write the log line of a request"


def test_outside_of_lambda_it_is_quiet(capfd: pytest.CaptureFixture[str]) -> None:
    assert Client(orders()).get("/invites/a").status == 200

    assert capfd.readouterr() == ("", "")
    assert logging.getLogger().handlers == [] or log.active() is None


def test_server_writes_text_when_it_is_asked_to(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORG_COMMON_LOG_FORM", "text")
    observe()

    Client(orders()).get("/invites/a")
    Client(orders()).get("/fails/conflict")

    first, second = capsys.readouterr().err.splitlines()
    assert "INFO     GET /invites/a 200  " in first
    assert first.endswith(" ms, 10 bytes")
    assert " GET /fails/conflict 409 last_owner  " in second


def test_text_of_a_failure_has_the_id_that_its_answer_names(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORG_COMMON_LOG_FORM", "text")
    observe()

    answer = Client(orders()).get("/fails/bug")

    lines = capsys.readouterr().err.splitlines()
    request_id = answer.json()["instance"].removeprefix("urn:request:")
    error, request = (next(line for line in lines if words in line) for words in (" ERROR ", " 500 "))
    assert error.endswith(f"  request_id={request_id}")
    assert request.endswith(f"  request_id={request_id}")


def test_server_without_a_terminal_writes_json(capsys: pytest.CaptureFixture[str]) -> None:
    observe()

    Client(orders()).get("/invites/a")

    [line] = [json.loads(each) for each in capsys.readouterr().out.splitlines()]
    found = emf.metrics(line)
    assert line["function"] == "orders"
    assert "ColdStart" not in found


def test_requests_in_threads_never_see_each_other_s_context(lambda_: Sink) -> None:
    together = Barrier(8)
    app = App("orders")

    @app.get("/orgs/{org_id}", allow=TOKEN)
    def get_org(org_id: UUID) -> dict[str, str]:
        together.wait()
        found = current.get()
        assert found is not None
        logger.info("within", extra={"own": str(org_id)})
        together.wait()
        metrics.count("Seen")
        return {"tenant": str(found.fields["tenant"]), "user": str(found.fields["user"])}

    def ask(at: int) -> tuple[int, Any]:
        client = Client(app, person=Person(f"local|{at}"))
        return at, client.get(f"/orgs/0198a000-0000-7000-8000-{at:012x}").json()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(800)))

    pseudonyms = Pseudonyms(KEY)
    for at, answer in answers:
        assert answer["tenant"].endswith(f"{at:012x}")
        assert answer["user"] == pseudonyms.of(ISSUER, f"local|{at}")
    within = [line for line in lambda_.lines if line["message"] == "within"]
    assert len(within) == 800
    assert all(line["own"] == line["tenant"] for line in within)
    assert [line["Seen"] for line in requests(lambda_)] == [1] * 800


def test_opentelemetry_is_used_where_it_is_asked_for(lambda_: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORG_COMMON_TRACES", "otel")

    Client(orders()).get("/invites/a")

    assert trace.tracer is not None


def test_opentelemetry_is_used_by_itself_where_it_was_imported(lambda_: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ORG_COMMON_TRACES")
    importlib.import_module("opentelemetry.sdk.trace")

    Client(orders()).get("/invites/a")

    assert trace.tracer is not None


def test_opentelemetry_is_not_used_where_it_is_off(lambda_: Sink) -> None:
    Client(orders()).get("/invites/a")

    assert trace.tracer is None
