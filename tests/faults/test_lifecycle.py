"""Fork, SnapStart and SIGTERM: no connection is shared, none is in a snapshot, and none is left behind."""

import signal
import time
from collections import Counter
from importlib.util import find_spec
from typing import LiteralString

import pytest

from tests.faults.bench import without_tls
from tests.faults.children import child
from tests.support.lab import Lab, until
from tests.support.report import Report

pytestmark = [pytest.mark.db, pytest.mark.fault]

BACKENDS: LiteralString = "select count(*) from pg_stat_activity where pid = %s"


@pytest.fixture
def url(lab: Lab) -> str:
    return without_tls(lab.local.login_url)


def test_fork(url: str, report: Report, moved: Counter[str]) -> None:
    run = "forked processes with a connection of their own, the parent's untouched"
    with child(url, "fork") as parent:
        for _ in range(2):
            told = parent.answer()
            before, after, last = told["parent"]
            for each in (told["child"], told["again"]):
                with report.case(run):
                    assert each["exit"] == 0
                    assert each["first"] != before
                    assert before == after == last, "the child has ended its parent's connection"
            moved.update({f"dropped {reason}": count for reason, count in told["child"]["dropped"].items()})
            assert told["inherited"] > 0, "nothing was there that could have been shared"
            assert told["child"]["first"] == told["child"]["second"]


@pytest.mark.skipif(find_spec("snapshot_restore_py") is None, reason="snapshot-restore-py is not installed")
def test_snapshot(url: str, report: Report) -> None:
    with (
        report.case("snapshots without a socket, each restored environment with a connection of its own"),
        child(url, "snapshot", AWS_LAMBDA_INITIALIZATION_TYPE="snap-start") as environment,
    ):
        told = environment.answer()

        assert told["hooks"] == 1
        assert (told["opened"], told["closed"]) == (1, 0)
        backends = [told["before"], told["after"], *(each["pid"] for each in told["restored"])]
        assert len(set(backends)) == 4, "two environments share a connection"
        assert [each["sockets"] for each in told["restored"]] == [1, 1]
        assert told["lucky"][0] != told["lucky"][1], "two environments pause for the same random time"
        assert told["prefetched"]


@pytest.mark.skipif(find_spec("snapshot_restore_py") is None, reason="snapshot-restore-py is not installed")
def test_without_snapshots_nothing_is_registered(url: str) -> None:
    with child(url, "snapshot", AWS_LAMBDA_INITIALIZATION_TYPE="on-demand") as environment:
        told = environment.answer()

        assert told["hooks"] == 0
        assert told["lucky"][0] == told["lucky"][1]
        assert not told["prefetched"]


@pytest.mark.parametrize("state", ["idle", "busy"])
def test_sigterm(state: str, lab: Lab, url: str, report: Report) -> None:
    """In the midst of a statement it ends there when the request's time is up: the server learns of it no sooner."""
    run = f"environments that SIGTERM finds {state}: connection closed, and gone from the server"
    with report.case(run), child(url, "terminate", state, AWS_LAMBDA_RUNTIME_API="127.0.0.1:9001") as environment:
        pid = environment.answer()["pid"]
        if state == "busy":
            sleeping: LiteralString = "select count(*) from pg_stat_activity where pid = %s and wait_event = 'PgSleep'"
            assert until(lambda: lab.ask(sleeping, pid) == 1)
        started_s = time.perf_counter()
        environment.tell(signal.SIGTERM)
        gone = until(lambda: lab.ask(BACKENDS, pid) == 0, within_s=1 if state == "idle" else 3)
        report.sample(run, "gone from pg_stat_activity after, ms", (time.perf_counter() - started_s) * 1000)
        environment.process.wait(5)

        assert environment.process.returncode == 128 + signal.SIGTERM
        assert gone


def test_outside_of_lambda_sigterm_is_not_ours(lab: Lab, url: str) -> None:
    with child(url, "terminate", "idle") as environment:
        pid = environment.answer()["pid"]
        environment.tell(signal.SIGTERM)

        assert environment.process.wait(5) == -signal.SIGTERM
        assert until(lambda: lab.ask(BACKENDS, pid) == 0)
