"""A worker under AWS's own runtime client."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from org_common.db.relay import Message
from org_common.tools.runtime.api import EnvironmentFailed
from org_common.tools.runtime.environment import ON_DEMAND, PROVISIONED, Environment, Function
from tests.support.jobs import Jobs
from tests.support.queues import batch, given_back, outbox_record, record

pytestmark = [pytest.mark.db, pytest.mark.runtime]

SOURCE = Path(__file__).parents[3] / "src"
WORKER = """
import os
import signal
from uuid import UUID

from org_common import App, Model, OrgCheck, Transaction

app = App("jobs")


class Document(Model):
    org_id: UUID
    name: str


@app.sqs("ingest", allow=OrgCheck("org_user"))
def ingest(tx: Transaction, document: Document) -> None:
    tx.run("insert into jobs.documents (org_id, name) values (%(org_id)s, %(name)s)", document, rows=1)
    if document.name == "bad":
        raise ValueError("bad")
    if document.name == "slow":
        tx.value("select pg_sleep(0.7)::text")
    if document.name == "deadly" and not os.path.exists("died"):
        open("died", "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def function(jobs: Jobs, tmp_path: Path) -> Function:
    (tmp_path / "worker.py").write_text(WORKER)
    variables = {"ORG_COMMON_DATABASE_URL": jobs.local.login_url, "ORG_COMMON_DATABASE_PROFILE": "direct"}
    return Function("worker.app", [tmp_path, SOURCE], variables=variables)


@pytest.fixture
def environment(function: Function) -> Iterator[Environment]:
    with Environment(function) as started:
        yield started


def records(messages: list[Message]) -> list[dict[str, Any]]:
    return [outbox_record(message) for message in messages]


@pytest.mark.parametrize("initialization", [ON_DEMAND, PROVISIONED])
def test_failed_records_come_again(jobs: Jobs, function: Function, initialization: str) -> None:
    sent = records(jobs.send("a", "bad", "b"))

    with Environment(replace(function, initialization=initialization)) as environment:
        for _ in range(2):
            # The second time as SQS may deliver them.
            assert given_back(environment.invoke(batch(*sent)).answer, sent) == [1]
            assert jobs.documents() == ["a", "b"]


def test_failed_batch_is_an_error_of_the_function(jobs: Jobs, environment: Environment) -> None:
    invoked = environment.invoke(batch(*records(jobs.send("bad"))))

    assert invoked.answer is None
    assert invoked.error["errorType"] == "BatchFailed"
    assert invoked.error["errorMessage"] == "queue ingest: 1 of 1 records are given back: 1 internal_error"


def test_event_that_no_trigger_takes_is_an_error(environment: Environment) -> None:
    events: list[Any] = [batch(record("{}", queue="mail")), {"Records": [{}]}, {}, {"Records": "x"}]
    for event in events:
        invoked = environment.invoke(event)

        assert invoked.answer is None
        assert invoked.error["errorType"] == "OrgError"


def test_rest_of_a_batch_is_given_back_before_the_timeout(jobs: Jobs, environment: Environment) -> None:
    sent = records(jobs.send("slow", "b", "slow", "c", "d"))
    environment.invoke(batch(*records(jobs.send("warm"))))

    invoked = environment.invoke(batch(*sent), timeout_s=2.6)

    back = given_back(invoked.answer, sent)
    done = [message for message in range(5) if message not in back]
    assert back
    assert jobs.documents() == ["warm", *[["slow", "b", "slow", "c", "d"][at] for at in done]]


def test_killed_worker_repeats_nothing(jobs: Jobs, function: Function) -> None:
    sent = records(jobs.send("a", "deadly", "b"))
    with Environment(function) as first, pytest.raises(EnvironmentFailed, match="exited with status -9"):
        first.invoke(batch(*sent))
    assert jobs.documents() == ["a"]

    with Environment(function) as second:
        assert second.invoke(batch(*sent)).answer == {"batchItemFailures": []}
    assert jobs.documents() == ["a", "deadly", "b"]
