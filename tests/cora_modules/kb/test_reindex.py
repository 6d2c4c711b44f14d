"""Building the vectors of another model, batch by batch."""

import time
from dataclasses import dataclass

import pytest

from cora_modules.kb.models.vectors import ReindexMessage
from cora_modules.kb.reindex import BATCH, VectorBuild
from org_common import Deadline, Forbidden, Identity
from org_common.testing.client import ISSUER
from tests.cora_modules.access.world import ACME
from tests.cora_modules.kb.world import HANDBOOK, LEXICAL_MODEL, KbWorld

pytestmark = pytest.mark.db

MORE = BATCH + 5


@dataclass
class Filled:
    """A base with more than a batch of chunks, of which one has a vector of the new model."""

    world: KbWorld

    def build(self, seconds: float, *, name: str = "dave") -> bool:
        message = ReindexMessage(org_id=ACME, base_id=HANDBOOK, model_id=LEXICAL_MODEL)
        identity = Identity(issuer=ISSUER, subject=f"local|{name}", expires_at=time.time() + 60)
        return VectorBuild(message, identity, Deadline.after(seconds), self.world.database).build_vectors()

    def count(self) -> int:
        return len(self.world.kb_rows("kb_chunks", f"base_id = '{HANDBOOK}' and model_id = '{LEXICAL_MODEL}'"))


@pytest.fixture
def filled(world: KbWorld) -> Filled:
    for seq in range(1, MORE):
        world.add_chunk(HANDBOOK, f"Passage number {seq} of the rules.", seq=seq, box=[1.0, 2.0, 3.0, float(seq)])
    world.as_("dave").post(f"/kb/{HANDBOOK}/vectors/reindex", {"modelId": str(LEXICAL_MODEL)})
    return Filled(world)


def test_all_batches_are_built(filled: Filled) -> None:
    assert filled.build(60)
    assert filled.count() == MORE


def test_copy_of_a_chunk_has_its_box(filled: Filled) -> None:
    filled.build(60)

    chunks = filled.world.kb_rows("kb_chunks", f"base_id = '{HANDBOOK}' and seq = 7")
    assert [chunk["box"] for chunk in chunks] == [[1.0, 2.0, 3.0, 7.0]] * 2


def test_work_that_is_left_at_the_deadline_continues_later(filled: Filled) -> None:
    assert not filled.build(1)
    # The one that was stale, and is used again.
    assert filled.count() == 1

    assert filled.build(60)
    assert filled.count() == MORE


def test_finished_work_is_not_repeated(filled: Filled) -> None:
    filled.build(60)
    calls = len(filled.world.calls())

    assert filled.build(60)
    assert len(filled.world.calls()) == calls == 2


def test_batches_before_a_crash_are_kept(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second batch never ends, and the next worker computes it alone."""
    stored = VectorBuild._store

    def crash(self: VectorBuild, *values: object) -> None:
        if filled.count() > 1:
            raise SystemExit
        stored(self, *values)  # type: ignore[arg-type]

    with monkeypatch.context() as killed, pytest.raises(SystemExit):
        killed.setattr(VectorBuild, "_store", crash)
        filled.build(60)
    assert filled.count() == BATCH + 1

    assert filled.build(60)
    assert (filled.count(), len(filled.world.calls())) == (MORE, 2)


def test_caller_who_may_not_write_the_base_changes_nothing(filled: Filled) -> None:
    with pytest.raises(Forbidden):
        filled.build(60, name="frank")
    assert (filled.count(), filled.world.calls()) == (1, [])
