"""The outbox relay with SQS, one and two relays: messages a minute from a backlog, and the lag under a steady load.

SQS is moto's server on this machine, a fake of AWS in Python. On AWS a call takes longer, and does not get slower with
the length of a queue as it does here, so a hundred messages share a queue.
"""

from __future__ import annotations

import json
import os
import statistics
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import harness
import psycopg

from org_common import SqsSink
from org_common.db.relay import Message, follow
from org_common.tools.database.local import LocalDatabase, provision
from org_common.tools.database.migrations import load
from org_common.tools.database.postgres import EmbeddedPostgres
from org_common.tools.serve.fake_aws import FakeAws, start_fake_aws

BACKLOG = 3_000
BUDGET = 10_000
# Messages a second, in transactions of ten: 12,000 a minute.
RATE, SECONDS = 200, 15
TRANSACTION = 10
PAUSE_S = 0.05
SEND = "select app.send(%s, %s, %s::jsonb)"
QUEUE = 100
TEXT = {"text": "x" * 200}


class Meter:
    """A sink that notes when SQS has accepted each message, and how old it was then."""

    def __init__(self, sink: SqsSink) -> None:
        self._sink = sink
        self.lags_s: list[float] = []

    def deliver(self, messages: Sequence[Message]) -> None:
        self._sink.deliver(messages)
        now_s = time.time()
        self.lags_s += [now_s - message.created_at.timestamp() for message in messages if message.created_at]


def reset(aws: FakeAws) -> None:
    """Delete all queues of the fake."""
    request = urllib.request.Request(f"{aws.url}/moto-api/reset", method="POST")  # noqa: S310 - on loopback
    urllib.request.urlopen(request, timeout=10).close()  # noqa: S310


def create_queues(aws: FakeAws, count: int) -> None:
    """Queues for so many messages."""
    sqs = aws.client("sqs")
    for number in range(count // QUEUE + 1):
        sqs.create_queue(QueueName=f"bench-{number}")


def send(connection: psycopg.Connection, sent: int, count: int) -> None:
    """Put messages into the outbox, after those that were `sent`; a tenth of them with a key."""
    for first in range(sent, sent + count, TRANSACTION):
        with connection.transaction(), connection.cursor() as cursor:
            cursor.execute("set local role app_sys")
            rows = [
                (
                    f"bench-{first // QUEUE}",
                    f"k{first % 97}" if at == 0 else None,
                    json.dumps({"n": first + at, **TEXT}),
                )
                for at in range(TRANSACTION)
            ]
            cursor.executemany(SEND, rows)


@contextmanager
def relays(local: LocalDatabase, aws: FakeAws, count: int) -> Iterator[list[Meter]]:
    """So many relays, each in a thread."""
    stop = threading.Event()
    meters = [Meter(SqsSink(endpoint_url=aws.url)) for _ in range(count)]
    with ThreadPoolExecutor(count) as pool:
        ends = [pool.submit(follow, local.service_url, meter, pause_s=PAUSE_S, stop=stop) for meter in meters]
        try:
            yield meters
        finally:
            stop.set()
            for end in ends:
                end.result()


def backlog(local: LocalDatabase, aws: FakeAws, count: int) -> tuple[float, float]:
    """Messages a minute, and milliseconds of CPU for each in this process: without PostgreSQL and the fake."""
    with psycopg.connect(local.login_url, autocommit=True) as connection:
        send(connection, 0, BACKLOG)
    began_s, cpu_s = time.monotonic(), time.process_time()
    with relays(local, aws, count) as meters:
        while sum(len(meter.lags_s) for meter in meters) < BACKLOG:
            time.sleep(0.01)
        took_s = time.monotonic() - began_s
    return BACKLOG / took_s * 60, (time.process_time() - cpu_s) / BACKLOG * 1000


def steady(local: LocalDatabase, aws: FakeAws, count: int) -> tuple[float, list[float]]:
    """Messages a minute that were sent, and the lag of each in seconds."""
    with relays(local, aws, count) as meters, psycopg.connect(local.login_url, autocommit=True) as connection:
        began_s = time.monotonic()
        sent = 0
        while (elapsed_s := time.monotonic() - began_s) < SECONDS:
            if sent <= elapsed_s * RATE:
                send(connection, sent, TRANSACTION)
                sent += TRANSACTION
            else:
                time.sleep(0.002)
        while sum(len(meter.lags_s) for meter in meters) < sent:
            time.sleep(0.01)
    return sent / SECONDS * 60, [lag for meter in meters for lag in meter.lags_s]


def main() -> None:
    print("\nOutbox relay with SQS (moto's server on this machine, a fake)")
    with EmbeddedPostgres.start(durable=True) as server, start_fake_aws() as aws:
        local = provision(server.url, "bench", load(["cora_modules.access"], root=Path.cwd()))
        os.environ.update(aws.environ)
        for count in (1, 2):
            reset(aws)
            create_queues(aws, BACKLOG)
            rate, cpu_ms = backlog(local, aws, count)
            print(
                f"  {count} relay(s), backlog of {BACKLOG:,}: {rate:,.0f} messages/min (budget: >= {BUDGET:,}), "
                f"{cpu_ms:.2f} ms CPU each"
            )
        for count in (1, 2):
            reset(aws)
            create_queues(aws, RATE * SECONDS)
            sent, lags_s = steady(local, aws, count)
            cuts = statistics.quantiles(lags_s, n=100)
            print(
                f"  {count} relay(s), {sent:,.0f} messages/min: lag p50 {cuts[49] * 1000:.0f} ms, "
                f"p99 {cuts[98] * 1000:.0f} ms, max {max(lags_s) * 1000:.0f} ms"
            )


if __name__ == "__main__":
    harness.machine()
    main()
