"""A worker for the soak: each message is one row, and some fail on the way."""

from __future__ import annotations

import os
import random
import time

from org_common import SIGNED_IN, App, Model, Record, Transaction

ADD = "insert into soak.effects (org_id, key, step) values (%(org_id)s, %(key)s, %(step)s)"
# Behind the statement, so that there is something to roll back.
FAILURE = float(os.environ.get("SOAK_FAILURE", "0.1"))

app: App = App("soak-jobs")
_chance: random.Random = random.Random()


class Job(Model):
    org_id: str
    key: str
    step: int


@app.sqs("jobs", allow=SIGNED_IN)
def work(tx: Transaction, job: Job, record: Record) -> None:
    tx.run(ADD, job, rows=1)
    if _chance.random() < FAILURE:
        raise RuntimeError("failed behind its statement")
    if _chance.random() < FAILURE:
        # Killed while the transaction is open, if at all.
        time.sleep(0.002)
