"""Each refusal by the database leaves its reason in the log, and no value; the caller learns none of it."""

import json
import logging
import re
from collections.abc import Callable, Iterator
from typing import Any, LiteralString

import pytest

from org_common import SIGNED_IN, App, Check, Conflict, Database, OrgError, Reader, Request, Transaction
from org_common.telemetry import metrics
from org_common.telemetry.log import configure
from org_common.telemetry.process import Process
from org_common.testing.client import Client, Person
from tests.support.lab import ISSUER
from tests.support.lines import untouched_logging

pytestmark = pytest.mark.db

ALICE = Person("local|alice", issuer=ISSUER)
VALUE = "swordfish"
Serve = Callable[..., tuple[int, list[dict[str, Any]], str]]


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    with untouched_logging():
        yield


@pytest.fixture
def post(db: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Serve:
    """Sends a request whose handler runs this SQL; returns the status, the log lines and the body."""
    monkeypatch.setenv("ORG_COMMON_LOG_FORM", "json")
    # Otherwise a cold start, or what other tests have measured, may need a line of its own.
    monkeypatch.setattr("org_common.telemetry.requests.process", Process())
    metrics.merge_pending(into={})

    def serve(text: LiteralString, prepare: Callable[[App], object] = lambda app: None) -> tuple[int, list[Any], str]:
        app = App("refusals")
        app.use(db)
        prepare(app)

        @app.post("/run", allow=SIGNED_IN)
        def run(tx: Transaction) -> None:
            tx.run("insert into lab.notes (id, body, label) values (1, 'x', 'taken')", rows=1)
            tx.run(text, {"v": VALUE, "nothing": None}, rows=None)

        response = Client(app, person=ALICE).post("/run")
        return response.status, [json.loads(line) for line in capsys.readouterr().out.splitlines()], str(response.body)

    return serve


REFUSALS: list[tuple[LiteralString, int, dict[str, str]]] = [
    (
        "insert into lab.notes (id, body, label) values (2, %(v)s, 'taken')",
        409,
        {"sqlstate": "23505", "constraint": "notes_label_key", "table": "lab.notes", "statement": "INSERT lab.notes"},
    ),
    (
        "insert into lab.notes (id, body, size) values (2, %(v)s, -1)",
        422,
        {"sqlstate": "23514", "constraint": "notes_size_check", "table": "lab.notes"},
    ),
    (
        "insert into lab.notes (id, body) values (2, %(nothing)s)",
        422,
        {"sqlstate": "23502", "column": "body", "table": "lab.notes"},
    ),
    ("insert into lab.notes (id, body, parent) values (2, %(v)s, 77)", 409, {"constraint": "notes_parent_fkey"}),
    ("insert into lab.bookings values ('[1,5]'), ('[3,9]')", 409, {"constraint": "bookings_seat_excl"}),
    ("insert into lab.promises values (1, 77)", 409, {"constraint": "promises_note_fkey", "statement": "commit"}),
    ("select %(v)s::text::int", 422, {"sqlstate": "22P02", "statement": "SELECT"}),
    ("update lab.notes set label = repeat(%(v)s, 9)", 422, {"sqlstate": "22001", "statement": "UPDATE lab.notes"}),
    (
        "select secret from lab.hidden where secret = %(v)s",
        403,
        {"sqlstate": "42501", "statement": "SELECT lab.hidden"},
    ),
    (
        "update lab.notes set body = %(v)s, owner = gen_random_uuid() where id = 1",
        403,
        {"sqlstate": "42501", "statement": "UPDATE lab.notes"},
    ),
    (
        "select lab.fail('42501', %(v)s)",
        403,
        {"message": "POST /run responded with 403: a function raised SQLSTATE 42501"},
    ),
    ("select lab.fail('OC409', 'last_owner', 'It needs an owner.')", 409, {"sqlstate": "OC409"}),
    ("select lab.fail('23514', %(v)s)", 422, {"sqlstate": "23514", "sql_function": "lab.fail(text,text,text) line 4"}),
]


@pytest.mark.parametrize(("text", "status", "fields"), REFUSALS, ids=lambda each: str(each)[-40:])
def test_reason_is_in_the_log_without_a_value(
    post: Serve, text: LiteralString, status: int, fields: dict[str, str]
) -> None:
    sent, lines, body = post(text)

    assert sent == status
    # One line says why, then comes the request's.
    [reason, _] = lines
    # A denial is most often a missing grant or policy.
    assert reason["level"] == ("WARNING" if status == 403 else "INFO")
    assert reason["logger"] == "org_common"
    assert reason["message"].startswith(f"POST /run responded with {status}: ")
    assert {name: reason.get(name) for name in fields} == fields
    assert reason["request_id"]
    assert VALUE not in str(lines)
    assert not re.search(r"lab\.|notes_|SQLSTATE|23505", body)


def test_reason_stays_when_the_handler_or_an_error_handler_answers_otherwise(post: Serve) -> None:
    def prepare(app: App) -> None:
        @app.error(Conflict)
        def conflict(error: Conflict, request: Request) -> OrgError:
            return Conflict(f"{getattr(error.__cause__, 'constraint', None)}", code="mine")

    status, lines, body = post("insert into lab.notes (id, body, label) values (2, %(v)s, 'taken')", prepare)

    assert (status, "notes_label_key" in body) == (409, True)
    assert [line["constraint"] for line in lines if "sqlstate" in line] == ["notes_label_key"]


def test_rule_s_refusal_is_in_the_log(
    db: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ORG_COMMON_LOG_FORM", "json")
    # Otherwise a cold start, or what other tests have measured, may need a line of its own.
    monkeypatch.setattr("org_common.telemetry.requests.process", Process())
    metrics.merge_pending(into={})
    app = App("rules")
    app.use(db)

    @app.get("/a", allow=Check("false"))
    def a(db: Reader) -> dict[str, int]:
        return {"n": db.value("select 1")}

    assert Client(app, person=ALICE).get("/a").status == 403

    [reason] = [each for each in map(json.loads, capsys.readouterr().out.splitlines()) if "sqlstate" in each]
    assert (reason["sqlstate"], reason["statement"]) == ("OC403", "session setup")


def test_failure_in_a_terminal_shows_the_sql(db: Database, capsys: pytest.CaptureFixture[str]) -> None:
    configure(form="text")
    app = App("terminal")
    app.use(db)

    @app.get("/a", allow=SIGNED_IN)
    def a(db: Reader) -> dict[str, int]:
        return {"n": db.value("select n.boddy from lab.notes n where n.id = %(id)s", {"id": 1})}

    assert Client(app, person=ALICE).get("/a").status == 500

    lines = capsys.readouterr().err.splitlines()
    assert " ERROR    GET /a responded with 500: column n.boddy does not exist (SQLSTATE 42703)" in lines[0]
    assert lines[1:3] == ["    select n.boddy from lab.notes n where n.id = %(id)s", "           ^"]
    assert lines[3] == '  hint: Perhaps you meant to reference the column "n.body".'
    assert len([line for line in lines if "src/org_common/" in line]) == 0
    assert any(re.search(r"test_refusals\.py:\d+ a$", line) for line in lines)


def test_without_anyone_who_logs_nothing_is_computed(
    db: Database, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ORG_COMMON_LOG_FORM", raising=False)
    app = App("quiet")
    app.use(db)

    @app.post("/run", allow=SIGNED_IN)
    def run(tx: Transaction) -> None:
        tx.run("insert into lab.notes (id, body) values (1, 'x'), (1, 'y')", rows=2)

    with caplog.at_level(logging.WARNING):
        assert Client(app, person=ALICE).post("/run").status == 409

    assert caplog.text == ""


@pytest.mark.parametrize(
    ("name", "text", "status", "code"),
    [
        ("notes_label_key", "insert into lab.notes (id, body, label) values (2, 'x', 'taken')", 409, "duplicate"),
        (
            "lab.notes.notes_size_check",
            "insert into lab.notes (id, body, size) values (2, 'x', -1)",
            422,
            "invalid_value",
        ),
        ("lab.notes.body", "insert into lab.notes (id, body) values (2, %(nothing)s)", 422, "missing_value"),
        ("notes_parent_fkey", "insert into lab.notes (id, body, parent) values (2, 'x', 77)", 409, "broken_reference"),
        ("bookings_seat_excl", "insert into lab.bookings values ('[1,5]'), ('[3,9]')", 409, "overlap"),
        ("promises_note_fkey", "insert into lab.promises values (1, 77)", 409, "broken_reference"),
    ],
)
def test_violation_points_to_the_field_that_the_app_declares(
    post: Serve, name: str, text: LiteralString, status: int, code: str
) -> None:
    declared = lambda app: app.constraint(name, "label", detail="Choose another.", code="taken")  # noqa: E731

    sent, lines, body = post(text, declared)

    assert sent == status
    assert f'"code":"{code}"' in body
    assert '"errors":[{"in":"body","pointer":"#/label","detail":"Choose another.","code":"taken"}]' in body
    assert any("sqlstate" in line for line in lines)


def test_violation_is_what_its_handler_makes_of_it(post: Serve) -> None:
    def prepare(app: App) -> None:
        @app.constraint("notes_label_key")
        def label_is_taken(error: OrgError, request: Request) -> OrgError:
            return Conflict("This label is taken.", code="label_taken")

    status, _, body = post("insert into lab.notes (id, body, label) values (2, 'x', 'taken')", prepare)

    assert (status, '"code":"label_taken"' in body) == (409, True)
