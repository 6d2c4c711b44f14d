"""Building the vectors of another model, batch by batch."""

import time
from collections.abc import Iterator

import pytest

from cora_modules.kb.models.vectors import ReindexMessage
from cora_modules.kb.reindex import BATCH, build_vectors
from org_common import Deadline, Identity, Transaction, transaction
from org_common.testing.client import ISSUER
from tests.cora_modules.access.world import ACME
from tests.cora_modules.kb.world import HANDBOOK, LEXICAL_MODEL, KbWorld

pytestmark = pytest.mark.db

MESSAGE = ReindexMessage(org_id=ACME, base_id=HANDBOOK, model_id=LEXICAL_MODEL)
MORE = BATCH + 5


@pytest.fixture
def tx(world: KbWorld) -> Iterator[Transaction]:
    """A transaction of an admin, in a base with more than a batch of chunks."""
    for seq in range(1, MORE):
        world.add_chunk(HANDBOOK, f"Passage number {seq} of the rules.", seq=seq)
    world.as_("dave").post(f"/kb/{HANDBOOK}/vectors/reindex", {"modelId": str(LEXICAL_MODEL)})
    identity = Identity(issuer=ISSUER, subject="local|dave", expires_at=time.time() + 60)
    with transaction(identity, database=world.database) as tx:
        yield tx


def count(tx: Transaction) -> int:
    where = "base_id = %(base_id)s and model_id = %(model_id)s"
    value: int = tx.value("select count(*)::integer from kb.kb_chunks where " + where, MESSAGE)
    return value


def test_all_batches_are_built(tx: Transaction) -> None:
    assert build_vectors(tx, MESSAGE, Deadline.after(60))
    assert count(tx) == MORE


def test_work_that_is_left_at_the_deadline_continues_later(tx: Transaction) -> None:
    assert not build_vectors(tx, MESSAGE, Deadline.after(1))
    # The one that was stale, and is used again.
    assert count(tx) == 1

    assert build_vectors(tx, MESSAGE, Deadline.after(60))
    assert count(tx) == MORE


def test_finished_work_is_not_repeated(tx: Transaction) -> None:
    build_vectors(tx, MESSAGE, Deadline.after(60))
    calls = tx.value("select count(*)::integer from ai.ai_calls")

    assert build_vectors(tx, MESSAGE, Deadline.after(60))
    assert tx.value("select count(*)::integer from ai.ai_calls") == calls == 2
