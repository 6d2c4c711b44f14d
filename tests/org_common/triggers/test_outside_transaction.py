"""A handler that takes the sender of its message works outside of a transaction."""

import json
from collections.abc import Callable

import pytest

from org_common import App, Identity, OrgCheck, transaction
from org_common.triggers.batch import BatchFailed
from org_common.values.errors import Unavailable
from tests.support.jobs import ACME, ADD, GLOBEX, Jobs, NewDocument, invoke
from tests.support.lab import ALICE, BOB, CAROL

pytestmark = pytest.mark.db

OPEN = (
    "select count(*) from pg_stat_activity where datname = current_database() "
    "and usename = 'app_login' and state <> 'idle'"
)


class Worker:
    """Writes one document for each message, as its sender, and notes what it sees."""

    def __init__(self, jobs: Jobs) -> None:
        self.jobs = jobs
        self.senders: list[str] = []
        self.transactions: list[int] = []
        self.claims: list[int] = []
        self.failures = 0
        """How many messages fail, after their document was written."""
        self.app = jobs.use(App("jobs"))
        self.app.sqs("ingest", allow=OrgCheck("org_user"))(self.handler())

    def handler(self) -> Callable[[NewDocument, Identity], None]:
        def ingest(document: NewDocument, sender: Identity) -> None:
            self.transactions.append(self.jobs.lab.ask(OPEN))
            self.claims.append(self.claimed())
            self.senders.append(sender.subject)
            with transaction(sender, database=self.jobs.database) as tx:
                tx.run(ADD, document, rows=1)
            if self.failures:
                self.failures -= 1
                raise Unavailable

        return ingest

    def claimed(self) -> int:
        count: int = self.jobs.lab.ask("select count(*) from app.consumed_messages")
        return count


@pytest.fixture
def worker(jobs: Jobs) -> Worker:
    return Worker(jobs)


def test_handler_runs_as_the_sender_and_no_transaction_is_open(worker: Worker) -> None:
    messages = [*worker.jobs.send("a", who=ALICE), *worker.jobs.send("b", who=BOB, org_id=GLOBEX)]

    assert invoke(worker.app, *messages) == {"batchItemFailures": []}

    assert worker.senders == [ALICE.subject, BOB.subject]
    assert (worker.transactions, worker.jobs.documents()) == ([0, 0], ["a", "b"])
    authors = worker.jobs.lab.ask("select array_agg(author::text order by name) from jobs.documents")
    assert authors == [worker.jobs.lab.user_id(who) for who in (ALICE, BOB)]


def test_message_is_claimed_when_its_handler_has_returned(worker: Worker) -> None:
    (message,) = worker.jobs.send("a")

    for _ in range(2):
        assert invoke(worker.app, message) == {"batchItemFailures": []}

    assert (worker.claims, worker.claimed(), worker.jobs.documents()) == ([0], 1, ["a"])


def test_message_whose_handler_failed_is_handled_again(worker: Worker) -> None:
    (message,) = worker.jobs.send("a")
    worker.failures = 1

    with pytest.raises(BatchFailed, match="unavailable"):
        invoke(worker.app, message)
    assert worker.claimed() == 0
    invoke(worker.app, message)

    # What it has committed stays: such a handler finds the work that is done already.
    assert (worker.jobs.documents(), worker.claimed()) == (["a", "a"], 1)


@pytest.mark.parametrize(("who", "org_id"), [(ALICE, GLOBEX), (BOB, ACME)])
def test_sender_whom_the_rule_refuses_has_no_effect(worker: Worker, who: Identity, org_id: object) -> None:
    (message,) = worker.jobs.send("a", who=who, org_id=ACME if who is ALICE else GLOBEX)

    with pytest.raises(BatchFailed, match="changed_message"):
        invoke(worker.app, message, body={"orgId": str(org_id), "name": "a"})

    assert (worker.senders, worker.jobs.documents(), worker.claimed()) == ([], [], 0)


def test_sender_who_is_not_known_any_more_has_no_effect(worker: Worker) -> None:
    (message,) = worker.jobs.send("a", who=CAROL)
    row = worker.jobs.lab.ask(
        "select to_jsonb(m) from access.org_members m where user_id = %s::uuid", worker.jobs.lab.user_id(CAROL)
    )
    worker.jobs.lab.tell("delete from access.org_members where user_id = %s::uuid", worker.jobs.lab.user_id(CAROL))
    try:
        with pytest.raises(BatchFailed, match="not_found"):
            invoke(worker.app, message)
    finally:
        worker.jobs.lab.tell(
            "insert into access.org_members select (jsonb_populate_record(null::access.org_members, %s::jsonb)).*",
            json.dumps(row),
        )

    assert (worker.senders, worker.jobs.documents(), worker.claimed()) == ([], [], 0)
