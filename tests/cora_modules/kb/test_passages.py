"""The parts of a search, as the module chat uses them: no transaction is open between them."""

import time

import pytest

from cora_modules.kb.passages import embed_question, find_passages, readable_bases
from org_common import Deadline, Identity, NotFound, reader
from org_common.testing.client import ISSUER
from tests.cora_modules.kb.world import GLOBEX_BASE, HANDBOOK, ROCKET_BASE, WORD_MODEL, KbWorld

pytestmark = pytest.mark.db


def identity(name: str) -> Identity:
    return Identity(issuer=ISSUER, subject=f"local|{name}", expires_at=time.time() + 60)


def test_parts_work_on_a_reader(readonly_world: KbWorld) -> None:
    with reader(identity("dave"), database=readonly_world.database) as db:
        bases = readable_bases(db, [HANDBOOK, ROCKET_BASE])
        vectors = embed_question(db, bases, "secret text", Deadline.after(5))
        passages = find_passages(db, bases, "secret text", vectors, top_k=5)

    assert [vector.model_id for vector in vectors] == [WORD_MODEL]
    assert {passage.base_id for passage in passages} == {HANDBOOK, ROCKET_BASE}


def test_hidden_base_is_not_found(readonly_world: KbWorld) -> None:
    with (
        reader(identity("dave"), database=readonly_world.database) as db,
        pytest.raises(NotFound),
    ):
        readable_bases(db, [HANDBOOK, GLOBEX_BASE])


def test_statement_finds_nothing_in_bases_that_the_caller_may_not_read(readonly_world: KbWorld) -> None:
    """Even if a caller of these functions forgets to ask for the readable ones."""
    with reader(identity("bob"), database=readonly_world.database) as db:
        theirs = readable_bases(db, [GLOBEX_BASE])
    with reader(identity("dave"), database=readonly_world.database) as db:
        vectors = embed_question(db, readable_bases(db, [HANDBOOK]), "secret text", Deadline.after(5))
        passages = find_passages(db, theirs, "secret text", vectors, top_k=5)

    assert passages == []
