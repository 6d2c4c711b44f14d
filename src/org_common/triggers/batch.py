"""A batch of SQS: each record in a transaction of its own, and the failed ones given back."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from org_common.events import sqs
from org_common.pipeline import logger
from org_common.values.errors import OrgError

TYPE_CHECKING = False

if TYPE_CHECKING:
    from org_common.values.types import Deadline, Event

# No record is begun with less time than this, or than the slowest one of the batch took and a margin.
LEAST_S = 1.0
MARGIN_S = 0.7


class BatchFailed(Exception):
    """Every record of a batch failed. Raised, so that Lambda counts an error and invokes the function less often."""


def run_batch(
    records: Sequence[Event], ids: Sequence[str], deadline: Deadline, handle: Callable[[int], OrgError | None]
) -> Event:
    """Handle the records in their order; returns the ids of those that must come again.

    `handle` gets the index of a record, and returns what it failed with. After a failure on a FIFO queue the later
    records of its group are given back untouched; before the deadline, all that are left. Raises `BatchFailed` if none
    succeeded.
    """
    failed: list[str] = []
    reasons: Counter[str] = Counter()
    blocked: set[str | None] = set()
    slowest_s = 0.0
    for at, (id, record) in enumerate(zip(ids, records, strict=True)):
        began_s = time.monotonic()
        if deadline.at_s - began_s < max(LEAST_S, slowest_s + MARGIN_S):
            failed += ids[at:]
            reasons["out_of_time"] += len(ids) - at
            break
        is_fifo = sqs.is_fifo(record)
        if is_fifo and sqs.group_of(record) in blocked:
            failed.append(id)
            reasons["behind_a_failed_one"] += 1
            continue
        error = handle(at)
        slowest_s = max(slowest_s, time.monotonic() - began_s)
        if error is not None:
            failed.append(id)
            reasons[error.code] += 1
            if is_fifo:
                blocked.add(sqs.group_of(record))
    if failed:
        _report(sqs.queue_name(records[0]), failed, len(ids), reasons)
    failures: list[dict[str, Any]] = [{"itemIdentifier": id} for id in failed]
    return {"batchItemFailures": failures}


def _report(queue: str, failed: Sequence[str], count: int, reasons: Counter[str]) -> None:
    told = ", ".join(f"{number} {reason}" for reason, number in sorted(reasons.items()))
    text = f"queue {queue}: {len(failed)} of {count} records are given back: {told}"
    if len(failed) == count:
        raise BatchFailed(text)
    logger().warning("%s", text)
