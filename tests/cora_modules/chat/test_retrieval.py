"""The passages for a question."""

from collections.abc import Iterator
from typing import Any

import pytest

from cora_modules.ai.models_in_use import effective_config
from cora_modules.chat.retrieval import retrieve
from cora_modules.kb.passages import readable_bases
from org_common import Deadline, Identity, Reader, reader
from tests.cora_modules.access.world import ACME
from tests.cora_modules.chat.world import DOCUMENT, HANDBOOK, LEXICAL, PAPERS, ChatWorld
from tests.cora_modules.ws.world import PEOPLE

pytestmark = pytest.mark.db


@pytest.fixture
def db(world: ChatWorld) -> Iterator[Reader]:
    person = PEOPLE["frank"]
    assert person is not None
    with reader(Identity.from_claims(person.claims()), database=world.database) as db:
        yield db


def find(db: Reader, question: str, *, similarity: float = 0.0, base_ids: Any = (HANDBOOK, PAPERS)) -> list[str]:
    config = effective_config(db, ACME).model_copy(update={"similarity": similarity})
    bases = readable_bases(db, base_ids) if base_ids else []
    citations, vectors = retrieve(db, bases, question, config, Deadline.after(20))
    assert [citation.number for citation in citations] == list(range(1, len(citations) + 1))
    assert {vector.model_id for vector in vectors} <= {LEXICAL}
    return [citation.content for citation in citations]


def test_best_passage_is_first(db: Reader) -> None:
    assert find(db, "When does the countdown start?")[0] == "The countdown starts at ten vb2."


def test_passages_below_the_similarity_are_left_out(db: Reader) -> None:
    assert len(find(db, "engine burns kerosene", similarity=-1)) == 3
    assert find(db, "engine burns kerosene", similarity=0.4) == ["The engine burns kerosene vb2."]


def test_no_base_has_no_passage_and_calls_no_model(db: Reader) -> None:
    assert find(db, "engine", base_ids=()) == []


def test_end_of_a_long_question_is_searched(db: Reader) -> None:
    assert find(db, "x " * 5000 + "countdown starts")[0] == "The countdown starts at ten vb2."


def test_words_find_passages_without_an_embedding_model(world: ChatWorld, db: Reader) -> None:
    with world.admin.transaction():
        world.admin.execute("update ai.ai_models set status = 'unavailable' where id = %s", [LEXICAL])
    try:
        assert find(db, "engine burns") == ["The engine burns kerosene vb2."]
    finally:
        world.admin.execute("update ai.ai_models set status = 'available' where id = %s", [LEXICAL])


def test_citation_points_into_the_document(world: ChatWorld, db: Reader) -> None:
    bases = readable_bases(db, [HANDBOOK])

    [citation, *_], _ = retrieve(db, bases, "helmet", effective_config(db, ACME), Deadline.after(20))

    assert (citation.document_id, citation.page, citation.start, citation.end) == (DOCUMENT, 3, 200, 227)
    assert citation.box == [50, 700.5, 300, 780]
