"""The vectors of a base, through the routes and the queue."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from cora_modules.kb import vectors
from org_common import Settings
from org_common.db.service import service_database
from org_common.testing.client import Client
from org_common.testing.records import Delivery
from tests.cora_modules.kb.world import DOCUMENTS, HANDBOOK, LEXICAL_MODEL, PEOPLE, WORD_MODEL, KbWorld

pytestmark = pytest.mark.db

PATH = f"/kb/{HANDBOOK}/vectors"
WANTED = {"modelId": str(LEXICAL_MODEL)}


def states(world: KbWorld) -> dict[UUID, str]:
    return {row["model_id"]: row["state"] for row in world.kb_rows("kb_indexes", f"base_id = '{HANDBOOK}'")}


def chunks(world: KbWorld, model_id: UUID) -> list[str]:
    where = f"base_id = '{HANDBOOK}' and model_id = '{model_id}'"
    return sorted(row["content"] for row in world.kb_rows("kb_chunks", where))


def search(world: KbWorld, query: str = "paid leave") -> list[dict[str, Any]]:
    answer = world.as_("dave").post("/kb/search", {"query": query, "baseIds": [str(HANDBOOK)]})
    assert answer.status == 200, answer.body
    passages: list[dict[str, Any]] = answer.json()["passages"]
    return passages


def work(world: KbWorld) -> Delivery:
    """Let the worker of the queue work."""
    service = service_database(Settings(service_database_url=world.local.service_url))
    vectors.app.use(world.database, service=service)
    try:
        return Client(vectors.app, person=PEOPLE["dave"]).deliver(world.local.service_url)
    finally:
        service.close()
        vectors.app.use(world.database)


def test_vectors_are_counted_by_model(readonly_world: KbWorld) -> None:
    indexes = readonly_world.as_("frank").get(PATH).json()["indexes"]

    assert [(each["modelId"], each["state"], each["chunkCount"], each["documentCount"]) for each in indexes] == [
        (str(WORD_MODEL), "active", 1, 1),
        (str(LEXICAL_MODEL), "stale", 1, 1),
    ]
    assert {(each["dimensions"], each["method"]) for each in indexes} == {(256, "hnsw")}


def test_search_reads_the_old_vectors_until_the_new_ones_are_complete(world: KbWorld) -> None:
    world.add_chunk(HANDBOOK, "Paid leave is 26 days.", seq=1)
    before = search(world)

    answer = world.as_("dave").post(f"{PATH}/reindex", WANTED)

    assert (answer.status, states(world)) == (202, {WORD_MODEL: "active", LEXICAL_MODEL: "building"})
    assert search(world) == before

    assert work(world).handled == 1

    assert states(world) == {WORD_MODEL: "stale", LEXICAL_MODEL: "active"}
    assert chunks(world, LEXICAL_MODEL) == chunks(world, WORD_MODEL)
    assert [each["content"] for each in search(world)] == [each["content"] for each in before]


def test_stale_vectors_are_used_again(world: KbWorld) -> None:
    """Only the chunk without a vector of the model is embedded."""
    world.add_chunk(HANDBOOK, "Paid leave is 26 days.", seq=1)
    world.as_("dave").post(f"{PATH}/reindex", WANTED)

    work(world)

    assert [call["tokens_in"] for call in world.calls()] == [6]


def test_stale_vectors_are_deleted(world: KbWorld) -> None:
    answer = world.as_("dave").delete(PATH)

    assert (answer.status, states(world)) == (204, {WORD_MODEL: "active"})
    assert (len(chunks(world, WORD_MODEL)), chunks(world, LEXICAL_MODEL)) == (1, [])


def test_message_that_comes_twice_has_one_effect(world: KbWorld) -> None:
    dave = world.as_("dave")
    answers = [dave.post(f"{PATH}/reindex", WANTED) for _ in range(2)]

    delivery = work(world)

    assert [answer.status for answer in answers] == [202, 202]
    assert (delivery.handled, delivery.failed) == (2, [])
    assert states(world) == {WORD_MODEL: "stale", LEXICAL_MODEL: "active"}


def test_model_in_use_is_a_409(readonly_world: KbWorld) -> None:
    answer = readonly_world.as_("dave").post(f"{PATH}/reindex", {"modelId": str(WORD_MODEL)})

    assert (answer.status, answer.json()["code"]) == (409, "already_active")


def test_second_model_waits_for_the_first(world: KbWorld) -> None:
    world.as_("dave").post(f"{PATH}/reindex", WANTED)
    other = world.admin.execute(
        "insert into ai.ai_models (provider_id, model_id, kind, dimensions, status) "
        "select provider_id, 'other', 'embedding', 256, 'available' from ai.ai_models where id = %s returning id",
        [WORD_MODEL],
    ).fetchone()
    assert other is not None
    try:
        answer = world.as_("dave").post(f"{PATH}/reindex", {"modelId": str(other["id"])})
    finally:
        world.admin.execute("delete from ai.ai_models where id = %s", [other["id"]])

    assert (answer.status, answer.json()["code"]) == (409, "reindexing")


@pytest.mark.parametrize("model_id", [uuid4(), UUID("0198a000-0000-7000-8000-0000000a1001")])
def test_model_that_does_not_embed_is_a_409(readonly_world: KbWorld, model_id: UUID) -> None:
    answer = readonly_world.as_("dave").post(f"{PATH}/reindex", {"modelId": str(model_id)})

    assert (answer.status, answer.json()["code"]) == (409, "no_model")


def test_sender_who_may_not_change_the_base_any_more_has_no_effect(world: KbWorld) -> None:
    world.as_("dave").post(f"{PATH}/reindex", WANTED)
    world.admin.execute("delete from access.org_members where user_id = %s", [world.users["dave"]])

    delivery = work(world)

    assert (delivery.handled, len(delivery.failed), world.calls()) == (0, 1, [])
    assert states(world) == {WORD_MODEL: "active", LEXICAL_MODEL: "building"}


def test_chunks_of_a_read_document_belong_to_the_active_model(world: KbWorld) -> None:
    """Reading a document anew drops its vectors of every model: they are of its old text."""
    world.as_("dave").post(f"{PATH}/reindex", WANTED)
    with world.admin.transaction():
        world.admin.execute("select set_config('request.jwt.claims', %s, true)", [claims(world, "dave")])
        world.admin.execute("select kb.clear_chunks(%s, %s, %s, 256)", [HANDBOOK, DOCUMENTS[HANDBOOK], WORD_MODEL])
        world.admin.execute(
            "select kb.add_chunks(%s, %s, %s, 'english', 0, array['New text.'], array[2], array[1], array['A'], "
            "array[0], array[9], array[array_fill(0.1::real, array[256])::public.vector])",
            [HANDBOOK, DOCUMENTS[HANDBOOK], WORD_MODEL],
        )
    assert (chunks(world, WORD_MODEL), chunks(world, LEXICAL_MODEL)) == (["New text."], [])

    work(world)

    assert chunks(world, LEXICAL_MODEL) == ["New text."]
    assert states(world)[LEXICAL_MODEL] == "active"


def claims(world: KbWorld, name: str) -> str:
    return f'{{"sub": "{world.users[name]}"}}'
