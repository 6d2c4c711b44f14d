"""A batch gives back what failed and nothing else, keeps the order of groups, and ends before the deadline."""

import logging
from collections import defaultdict
from itertools import combinations
from random import Random
from typing import Any

import pytest

from org_common.triggers.batch import LEAST_S, BatchFailed, run_batch
from org_common.values.errors import Conflict, OrgError
from org_common.values.types import Deadline
from tests.support.queues import given_back, record

IN_TIME = 60.0


class Worker:
    """Fails the records whose body says so, and notes what it was given."""

    def __init__(self, records: list[dict[str, Any]]) -> None:
        self.records = records
        self.taken: list[int] = []

    def __call__(self, at: int) -> OrgError | None:
        self.taken.append(at)
        return Conflict() if self.records[at]["body"] == "bad" else None

    def run(self, left_s: float = IN_TIME) -> list[int]:
        ids = [each["messageId"] for each in self.records]
        return given_back(run_batch(self.records, ids, Deadline.after(left_s), self), self.records)


@pytest.mark.parametrize("count", range(10))
def test_exactly_the_failed_ones_come_again(count: int) -> None:
    for bad in [*combinations(range(10), count)][:40]:
        worker = Worker([record("bad" if at in bad else "good") for at in range(10)])

        assert worker.run() == list(bad)
        assert worker.taken == list(range(10))


@pytest.mark.parametrize("count", [1, 2, 10])
def test_all_failed_raises(count: int) -> None:
    with pytest.raises(BatchFailed, match=f"queue ingest: {count} of {count} records are given back: {count} conflict"):
        Worker([record("bad") for _ in range(count)]).run()


def test_groups_of_a_standard_queue_do_not_wait(caplog: pytest.LogCaptureFixture) -> None:
    """Fair queues: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html"""
    worker = Worker([record(body, group="a") for body in ("good", "bad", "good")])

    with caplog.at_level(logging.WARNING):
        assert worker.run() == [1]
    assert worker.taken == [0, 1, 2]
    assert caplog.messages == ["queue ingest: 1 of 3 records are given back: 1 conflict"]


def test_only_the_group_of_a_failed_one_waits() -> None:
    kinds = [("a", "good"), ("a", "bad"), ("b", "good"), ("a", "good"), ("b", "bad"), ("c", "good"), ("b", "good")]
    worker = Worker([record(body, queue="ingest.fifo", group=group) for group, body in kinds])

    assert worker.run() == [1, 3, 4, 6]
    assert worker.taken == [0, 1, 2, 4, 5]


def test_fifo_is_seen_by_the_sequence_number_too() -> None:
    records = [record(body, group="a") for body in ("good", "bad", "good")]
    for each in records:
        each["attributes"]["SequenceNumber"] = "1"

    assert Worker(records).run() == [1, 2]


def test_order_is_kept_in_random_batches() -> None:
    """A queue that gives a group out again from its first message that came back: 1,000 batches."""
    random = Random(20261130)
    for _ in range(1000):
        left = [(random.choice("abc"), number) for number in range(random.randint(1, 10))]
        done: dict[str, list[int]] = defaultdict(list)
        while left:
            records = [record("", queue="ingest.fifo", group=group) for group, _ in left]
            ids = [each["messageId"] for each in records]
            batch, failing = list(left), random.random() * 0.7

            def handle(at: int, batch: Any = batch, failing: float = failing, done: Any = done) -> OrgError | None:
                if random.random() < failing:
                    return Conflict()
                done[batch[at][0]].append(batch[at][1])
                return None

            try:
                back = given_back(run_batch(records, ids, Deadline.after(IN_TIME), handle), records)
            except BatchFailed:
                back = list(range(len(left)))
            left = [batch[at] for at in back]
        assert all(numbers == sorted(numbers) for numbers in done.values())


def test_rest_is_given_back_before_the_deadline(caplog: pytest.LogCaptureFixture) -> None:
    records = [record("good") for _ in range(5)]
    worker = Worker(records)
    deadline = Deadline.after(IN_TIME)

    def handle(at: int) -> OrgError | None:
        if at == 2:
            # As if it had taken the time.
            deadline.at_s -= IN_TIME - LEAST_S / 2
        return worker(at)

    with caplog.at_level(logging.WARNING):
        answer = run_batch(records, [each["messageId"] for each in records], deadline, handle)

    assert given_back(answer, records) == [3, 4]
    assert worker.taken == [0, 1, 2]
    assert "2 of 5 records are given back: 2 out_of_time" in caplog.text


def test_nothing_is_begun_without_time() -> None:
    worker = Worker([record("good")])

    with pytest.raises(BatchFailed, match="1 out_of_time"):
        worker.run(left_s=LEAST_S / 2)
    assert worker.taken == []
