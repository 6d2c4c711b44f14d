"""Searches through the route: what is found, in which order, and what odd questions do."""

from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from org_common.testing.client import Answer
from tests.cora_modules.kb.world import (
    DOCUMENTS,
    GLOBEX_BASE,
    GONE_BASE,
    HANDBOOK,
    LEXICAL_MODEL,
    PLANS_BASE,
    ROCKET_BASE,
    WORD_MODEL,
    KbWorld,
)

pytestmark = pytest.mark.db

TEXTS = (
    "Employees receive 26 days of paid leave each year.",
    "The pump Z-8841 delivers 184,000 litres an hour.",
    "A physician's certificate is due after three days of illness.",
    "Lunch is served from noon to two.",
    "The gar\u00adage opens at six.",
)


def search(world: KbWorld, query: str, *bases: UUID, name: str = "dave", **more: object) -> Answer:
    body = {"query": query, "baseIds": [str(id) for id in bases or (HANDBOOK,)], **more}
    return world.as_(name).post("/kb/search", body)


def found(answer: Answer) -> list[dict[str, Any]]:
    assert answer.status == 200, answer.body
    passages: list[dict[str, Any]] = answer.json()["passages"]
    return passages


@pytest.fixture
def filled(world: KbWorld) -> KbWorld:
    """The handbook has passages of its own."""
    for seq, text in enumerate(TEXTS, 1):
        world.add_chunk(HANDBOOK, text, seq=seq, page=seq, heading="Rules", box=[50.0, 700.5, 300.0, 780.0])
    return world


def test_passage_names_document_page_and_span(filled: KbWorld) -> None:
    first = found(search(filled, "How many days of paid leave do employees receive?"))[0]

    assert first["content"] == TEXTS[0]
    assert (first["documentId"], first["baseId"]) == (str(DOCUMENTS[HANDBOOK]), str(HANDBOOK))
    assert (first["title"], first["page"], first["heading"]) == ("Rules Qx3.txt", 1, "Rules")
    assert first["box"] == [50, 700.5, 300, 780]
    assert (first["start"], first["end"]) == (1000, 1000 + len(TEXTS[0]))
    assert 0 < first["similarity"] <= 1


@pytest.mark.parametrize(
    ("mode", "query", "text"),
    [
        ("vector", "Do I need a doctor's letter when I am sick?", TEXTS[2]),
        ("text", "paid leave", TEXTS[0]),
        ("text", "184000", TEXTS[1]),
        ("text", "184,000 litres", TEXTS[1]),
        ("text", "Z8841", TEXTS[1]),
        ("text", "z-8841", TEXTS[1]),
        ("text", "garage", TEXTS[4]),
        ("text", "gar\u00adage", TEXTS[4]),
        # Full-width forms, which NFKC turns into plain ones.
        ("text", "\uff47\uff41\uff52\uff41\uff47\uff45", TEXTS[4]),
        ("hybrid", "When is lunch?", TEXTS[3]),
    ],
)
def test_mode_finds_the_passage_first(filled: KbWorld, mode: str, query: str, text: str) -> None:
    assert found(search(filled, query, mode=mode))[0]["content"] == text


def test_search_by_words_calls_no_model(filled: KbWorld) -> None:
    before = filled.calls()

    passages = found(search(filled, "paid leave", mode="text"))

    assert [passage["similarity"] for passage in passages] == [None]
    assert filled.calls() == before


def test_search_by_meaning_records_the_call(filled: KbWorld) -> None:
    found(search(filled, "paid leave"))

    (call,) = filled.calls()
    assert (call["model_id"], call["tokens_in"], call["error_kind"]) == (WORD_MODEL, 3, None)


def test_words_of_a_language_are_found_by_their_stem(world: KbWorld) -> None:
    world.add_chunk(HANDBOOK, "Die Häuser werden im Frühling gestrichen.", seq=1, language="german")
    world.add_chunk(HANDBOOK, "Die Autos werden im Herbst gewaschen.", seq=2, language="german")

    (first,) = found(search(world, "Wann wird das Haus gestrichen?", mode="text"))

    assert first["content"].startswith("Die Häuser")


@pytest.mark.parametrize("top_k", [1, 3, 6, 50])
@pytest.mark.parametrize("mode", ["hybrid", "vector"])
def test_as_many_passages_as_there_are(filled: KbWorld, mode: str, top_k: int) -> None:
    passages = found(search(filled, "Who serves what?", mode=mode, topK=top_k))

    assert len(passages) == min(top_k, 1 + len(TEXTS))
    assert [each["score"] for each in passages] == sorted((each["score"] for each in passages), reverse=True)


def test_bases_of_organization_and_workspace_are_searched_together(readonly_world: KbWorld) -> None:
    passages = readonly_world.as_("dave").post(
        "/kb/search", {"query": "secret", "baseIds": [str(HANDBOOK), str(ROCKET_BASE)], "mode": "text"}
    )

    assert {passage["baseId"] for passage in passages.json()["passages"]} == {str(HANDBOOK), str(ROCKET_BASE)}


@pytest.mark.parametrize("hidden", [GLOBEX_BASE, PLANS_BASE, GONE_BASE, uuid4()])
def test_base_that_the_caller_may_not_read_is_a_404(readonly_world: KbWorld, hidden: UUID) -> None:
    before = readonly_world.everything()

    answer = search(readonly_world, "secret text qx3", HANDBOOK, hidden)

    assert (answer.status, b"qx3" in answer.body.lower()) == (404, False)
    # No model was called: the call would be recorded.
    assert readonly_world.everything() == before


def test_base_may_be_named_twice(readonly_world: KbWorld) -> None:
    assert len(found(search(readonly_world, "secret", HANDBOOK, HANDBOOK, mode="text"))) == 1


def test_base_without_documents_has_no_passages(world: KbWorld) -> None:
    base = world.as_("alice").post("/orgs/0198a000-aaaa-7000-8000-00000000ac3e/kb", {"name": "Empty"}).json()

    assert found(search(world, "secret", UUID(base["id"]))) == []
    assert world.calls() == []


def test_deleted_document_is_not_found(world: KbWorld) -> None:
    world.as_("alice").delete(f"/kb/{HANDBOOK}/documents/{DOCUMENTS[HANDBOOK]}")

    assert found(search(world, "secret text")) == []


def test_bases_of_different_models_answer_together(world: KbWorld) -> None:
    """Both halves of the fusion are by rank: distances of different models are not comparable."""
    world.admin.execute("update kb.kb_indexes set state = 'stale' where base_id = %s", [ROCKET_BASE])
    world.admin.execute(
        "update kb.kb_indexes set state = 'active' where base_id = %s and model_id = %s", [ROCKET_BASE, LEXICAL_MODEL]
    )

    passages = found(search(world, "secret", HANDBOOK, ROCKET_BASE))

    assert {passage["baseId"] for passage in passages} == {str(HANDBOOK), str(ROCKET_BASE)}
    assert {call["model_id"] for call in world.calls()} == {WORD_MODEL, LEXICAL_MODEL}


def test_model_that_is_unavailable_is_a_409(world: KbWorld) -> None:
    world.admin.execute("update ai.ai_models set status = 'unavailable' where id = %s", [WORD_MODEL])
    try:
        by_meaning, by_words = search(world, "secret"), search(world, "secret", mode="text")
    finally:
        world.admin.execute("update ai.ai_models set status = 'available' where id = %s", [WORD_MODEL])

    assert (by_meaning.status, by_meaning.json()["code"]) == (409, "no_model")
    assert len(found(by_words)) == 1


@pytest.mark.parametrize(
    "query",
    [
        " ",
        "\n\t",
        "the of and",
        "der die das",
        "-secret",
        '"',
        "'",
        "\\",
        "secret'; drop table kb.kb_chunks; --",
        "a & | ! ( <-> :*",
        "!!!",
        "%s %(query)s",
        "\u00ad",
        "\U0001f680",
        "日本語のテキスト",
        "x" * 4000,
        "word " * 800,
    ],
)
@pytest.mark.parametrize("mode", ["hybrid", "vector", "text"])
def test_odd_question_is_answered(readonly_world: KbWorld, query: str, mode: str) -> None:
    statuses = {passage["baseId"] for passage in found(send_and_forget(readonly_world, query, mode))}

    assert statuses <= {str(HANDBOOK)}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    query=st.text(
        st.characters(exclude_characters="\0", categories=("L", "N", "P", "S", "Z", "M", "Cc", "Cf", "Co")),
        min_size=1,
        max_size=300,
    )
)
def test_any_question_is_answered(readonly_world: KbWorld, query: str) -> None:
    assert {passage["baseId"] for passage in found(send_and_forget(readonly_world, query, "hybrid"))} <= {str(HANDBOOK)}


def send_and_forget(world: KbWorld, query: str, mode: str) -> Answer:
    """The record of the model's use is deleted: the world is shared."""
    try:
        return search(world, query, mode=mode)
    finally:
        world.admin.execute("delete from ai.ai_calls")


def test_question_of_a_megabyte_is_a_422(readonly_world: KbWorld) -> None:
    answer = search(readonly_world, "word " * 200_000)

    assert (answer.status, answer.json()["errors"][0]["pointer"]) == (422, "#/query")


@pytest.mark.parametrize("vector", ["[" + ",".join(["0"] * 256) + "]", "[0]"])
def test_zero_vector_is_not_stored(readonly_world: KbWorld, vector: str) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        readonly_world.add_chunk(HANDBOOK, "zero", seq=9, embedding=vector)


@pytest.mark.parametrize("vector", ["[NaN]", "[Infinity]", "[]", "[1,2", "x"])
def test_text_that_is_no_vector_is_not_stored(readonly_world: KbWorld, vector: str) -> None:
    with pytest.raises(psycopg.DataError):
        readonly_world.add_chunk(HANDBOOK, "none", seq=9, embedding=vector)


def test_question_of_another_length_is_an_error(readonly_world: KbWorld) -> None:
    with pytest.raises(psycopg.DataError, match="different vector dimensions"):
        readonly_world.admin.execute(
            "select * from kb.vector_hits(%s, '[1,2,3]'::public.vector, %s, 5)", [WORD_MODEL, [HANDBOOK]]
        )
