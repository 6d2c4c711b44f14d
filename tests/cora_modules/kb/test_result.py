"""Storing a result: in parts, and all or nothing."""

from uuid import uuid4

import pytest

from cora_modules.kb.chunks import Chunk, cut
from cora_modules.kb.embedding import Vectors
from cora_modules.kb.models.ingest import Claim, ClaimedDocument
from cora_modules.kb.parsing import plain
from cora_modules.kb.queries import ingest as queries
from cora_modules.kb.result import Result, store
from org_common import Conflict, service_transaction
from tests.cora_modules.kb.parsing.nothing import nothing
from tests.cora_modules.kb.uploads import MARKDOWN, Uploads
from tests.cora_modules.kb.world import WORD_MODEL

pytestmark = pytest.mark.db


def claimed(uploads: Uploads) -> ClaimedDocument:
    values = {"document_id": uploads.add(MARKDOWN), "claim_id": uuid4(), "lease_s": 60, "max_attempts": 4}
    with service_transaction(reason="a test", database=uploads.service) as tx:
        claim = tx.one(Claim, queries.CLAIM, values)
    ids = {name: values[name] for name in ("document_id", "claim_id")}
    return ClaimedDocument.model_validate({**ids, **claim.model_dump(exclude={"outcome"})}, by_name=True)


def result_of(document: ClaimedDocument, text: str, dimensions: int = 4) -> Result:
    parsed = plain.parse(text, nothing)
    chunks: list[Chunk] = list(cut(parsed, max_tokens=32, overlap_tokens=0))
    vectors = Vectors()
    vectors.add(
        [[float(at == place) for at in range(dimensions)] for place in range(dimensions)][:1] * len(chunks), len(chunks)
    )
    return Result(document, parsed, chunks, vectors, WORD_MODEL)


def test_long_text_is_stored_in_parts(uploads: Uploads) -> None:
    text = "Äpfel 🍏 und Birnen. " * 12_000
    result = result_of(claimed(uploads), text)

    with service_transaction(reason="a test", database=uploads.service) as tx:
        store(tx, result)

    document = uploads.world.document(result.document.document_id)
    assert uploads.text(document["id"]) == text
    assert document["chunk_count"] == len(uploads.chunks(document["id"])) == len(result.chunks) > 1000
    assert [chunk["seq"] for chunk in uploads.chunks(document["id"])] == list(range(len(result.chunks)))


@pytest.mark.parametrize("statements", range(1, 5))
def test_crash_after_each_statement_leaves_nothing(uploads: Uploads, statements: int) -> None:
    document = claimed(uploads)
    result = result_of(document, "One paragraph.")

    class Crash(Exception):
        pass

    with pytest.raises(Crash), service_transaction(reason="a test", database=uploads.service) as tx:
        sent = 0

        class Counted:
            def value(self, sql: str, params: dict[str, object]) -> object:
                nonlocal sent
                found = tx.value(sql, params)
                sent += 1
                if sent == statements:
                    raise Crash
                return found

        store(Counted(), result)  # type: ignore[arg-type]  # what it uses of a Transaction

    assert (uploads.chunks(document.document_id), uploads.text(document.document_id)) == ([], "")
    assert uploads.world.document(document.document_id)["status"] == "processing"


def test_passage_without_a_vector_is_left_out(uploads: Uploads) -> None:
    """The index has no place for it."""
    result = result_of(claimed(uploads), "One.\n\n" + "Two. " * 60)
    empty = Vectors()
    empty.add([[0.0, 0.0, 0.0, 0.0], *([[1.0, 0.0, 0.0, 0.0]] * (len(result.chunks) - 1))], len(result.chunks))

    with service_transaction(reason="a test", database=uploads.service) as tx:
        store(tx, result._replace(vectors=empty))

    chunks = uploads.chunks(result.document.document_id)
    assert [chunk["seq"] for chunk in chunks] == list(range(len(result.chunks) - 1))


def test_result_of_a_lost_claim_is_refused(uploads: Uploads) -> None:
    result = result_of(claimed(uploads), "One.")
    stale = result._replace(document=result.document.model_copy(update={"claim_id": uuid4()}))

    with pytest.raises(Conflict) as caught, service_transaction(reason="a test", database=uploads.service) as tx:
        store(tx, stale)

    assert caught.value.code == "claim_lost"


def test_base_keeps_the_model_that_it_is_searched_with(uploads: Uploads) -> None:
    first = result_of(claimed(uploads), "One.")
    with service_transaction(reason="a test", database=uploads.service) as tx:
        store(tx, first)
    other = result_of(claimed(uploads), "Two.")._replace(model_id=uuid4())

    with pytest.raises(Conflict) as caught, service_transaction(reason="a test", database=uploads.service) as tx:
        store(tx, other)

    assert caught.value.code == "model_changed"
