"""Which request is the first, and who waited for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from threading import Thread
from typing import Any

import pytest
import snapshot_restore_py  # type: ignore[import-untyped]

from org_common.db.protocol.counters import Counters
from org_common.telemetry.process import PROACTIVE_S, Process, process, started_at_s


def begun(init_type: str) -> Process:
    process = Process()
    process.begin(init_type)
    process.declared()
    return process


def test_first_request_is_cold_and_no_other() -> None:
    process = begun("on-demand")

    first, second = process.cold_start(), process.cold_start()

    assert first is not None
    assert first[0]["ColdStart"] == ("Count", 1)
    assert first[1] == {"init_type": "on-demand"}
    assert second is None


def test_init_is_measured_from_the_start_of_the_process() -> None:
    cold = begun("on-demand").cold_start()

    assert cold is not None
    unit, took_ms = cold[0]["InitDuration"]
    assert unit == "Milliseconds"
    assert isinstance(took_ms, int)
    assert took_ms > 0


def test_outside_of_lambda_nothing_is_cold() -> None:
    assert Process().cold_start() is None


def test_nobody_waits_for_provisioned_concurrency() -> None:
    assert begun("provisioned-concurrency").cold_start() is None


def test_restored_snapshot_is_cold_again_though_a_request_was_tried_before() -> None:
    before = list(snapshot_restore_py._after_restore_registry)
    process = begun("snap-start")
    tried = process.cold_start()

    [(hook, arguments, _)] = snapshot_restore_py._after_restore_registry[len(before) :]
    hook(*arguments)
    restored = process.cold_start()

    snapshot_restore_py._after_restore_registry[:] = before
    assert tried is not None
    assert restored is not None
    # The init of the snapshot was not this one's, and took place long ago.
    assert restored[0].keys() == {"ColdStart"}
    assert restored[1] == {"init_type": "snap-start"}


def test_environment_that_was_made_ahead_says_so() -> None:
    process = begun("on-demand")
    process._init_ended_s = time.time() - PROACTIVE_S - 1

    cold = process.cold_start()

    assert cold is not None
    assert cold[1]["init_ahead"] is True


def test_second_app_of_a_process_changes_nothing() -> None:
    process = begun("on-demand")
    process.cold_start()
    process.begin("on-demand")

    assert process.cold_start() is None


def test_start_of_a_process_is_known_to_a_hundredth() -> None:
    before = time.time()
    code = "from org_common.telemetry.process import started_at_s; print(started_at_s())"
    told = float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)

    assert before - 0.1 <= told <= time.time()
    assert started_at_s() != pytest.approx(told, abs=0.001)


def test_counters_are_told_by_their_growth_whoever_asks() -> None:
    process, counters = Process(), Counters()
    counters.opened, counters.waits = 1, 2
    counters.dropped = Counter({"dead": 1, "forked": 2})

    first, second = process.grown(counters), process.grown(counters)
    counters.rerun += 1
    counters.resent += 1
    third = process.grown(counters)

    assert dict(first) == {"ConnectionsOpened": 1, "ConnectionsDropped": 3, "DatabaseWaits": 2}
    assert second == []
    assert third == [("DatabaseRetries", 2)]


def test_who_looks_while_another_does_counts_nothing_twice() -> None:
    process, told = Process(), list[tuple[str, int]]()

    class Meanwhile(Counters):
        looked = False

        def __getattribute__(self, name: str) -> Any:
            if name == "unknown_commits" and not Meanwhile.looked:
                # Another thread's turn: what this one has looked at so far is old then.
                Meanwhile.looked = True
                self.opened = 100
                others.start()
                others.join(0.2)
            return super().__getattribute__(name)

    counters = Meanwhile()
    others = Thread(target=lambda: told.extend(process.grown(counters)))

    told += process.grown(counters)
    others.join()
    told += process.grown(counters)

    assert sum(grown for _, grown in told) == 100


def test_two_databases_are_told_apart() -> None:
    process, one, other = Process(), Counters(), Counters()
    one.opened, other.opened = 1, 5

    assert process.grown(one) == [("ConnectionsOpened", 1)]
    assert process.grown(other) == [("ConnectionsOpened", 5)]
    assert process.grown(one) == []


# From Python 3.12 on a fork with threads about is warned of: the child here does nothing that they could hold.
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_child_does_not_wait_for_a_thread_of_its_parent() -> None:
    with process._lock:
        child = os.fork()
        if child == 0:
            signal.alarm(10)
            try:
                process.grown(Counters())
                os._exit(0)
            finally:
                os._exit(2)
        assert os.waitpid(child, 0)[1] == 0
