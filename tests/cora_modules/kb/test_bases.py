"""Knowledge bases: creation, changes and deletion."""

import pytest

from tests.cora_modules.access.world import ACME, pointers
from tests.cora_modules.kb.bucket import Bucket
from tests.cora_modules.kb.world import DOCUMENTS, ENGINES, HANDBOOK, RULES, KbWorld
from tests.cora_modules.kb.world import ROCKET_BASE as ENGINE_BASE
from tests.cora_modules.ws.world import OLD, ROCKETS

pytestmark = pytest.mark.db

ORG = f"/orgs/{ACME}/kb"
WS = f"/workspaces/{ROCKETS}/kb"


def test_new_base_has_the_defaults(world: KbWorld) -> None:
    response = world.as_("dave").post(ORG, {"name": " Policies "})

    body = response.json()
    expected = {
        "orgId": str(ACME),
        "scope": "organization",
        "wsId": None,
        "chatId": None,
        "name": "Policies",
        "description": None,
        "chunkTokens": 256,
        "overlapTokens": 32,
        "documentCount": 0,
        "canWrite": True,
    }
    assert response.status == 201
    assert response.headers["location"] == f"/kb/{body['id']}"
    assert {name: body[name] for name in expected} == expected
    assert world.as_("frank").get(f"/kb/{body['id']}").json() == {**body, "canWrite": False}


def test_base_of_a_workspace_belongs_to_its_organization(world: KbWorld) -> None:
    body = world.as_("carol").post(WS, {"name": "Fuel"}).json()

    assert (body["scope"], body["wsId"], body["orgId"]) == ("workspace", str(ROCKETS), str(ACME))


def test_lists_are_by_name_and_have_live_bases_only(world: KbWorld) -> None:
    world.as_("dave").post(ORG, {"name": "A first one"})

    items = world.as_("frank").get(ORG).json()["items"]

    assert [(item["name"], item["documentCount"]) for item in items] == [("A first one", 0), ("Handbook Qx3", 1)]
    assert [item["id"] for item in world.as_("frank").get(WS).json()["items"]] == [str(ENGINE_BASE)]


@pytest.mark.parametrize("path", [ORG, WS])
def test_name_is_unique_among_live_bases_of_one_owner(world: KbWorld, path: str) -> None:
    dave = world.as_("dave")
    first = dave.post(path, {"name": "Twice"})

    second = dave.post(path, {"name": "Twice"})
    dave.send("DELETE", f"/kb/{first.json()['id']}")
    third = dave.post(path, {"name": "Twice"})

    assert (first.status, second.status, second.json()["code"], third.status) == (201, 409, "duplicate", 201)


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, [("body", "#/name")]),
        ({"name": ""}, [("body", "#/name")]),
        ({"name": "x", "chunkTokens": 31}, [("body", "#/chunkTokens")]),
        ({"name": "x", "chunkTokens": 2049}, [("body", "#/chunkTokens")]),
        ({"name": "x", "overlapTokens": -1}, [("body", "#/overlapTokens")]),
        ({"name": "x", "scope": "chat"}, [("body", "#/scope")]),
    ],
)
def test_wrong_values_are_422(readonly_world: KbWorld, body: dict[str, object], wrong: list[tuple[str, str]]) -> None:
    response = readonly_world.as_("dave").post(ORG, body)

    assert (response.status, pointers(response)) == (422, wrong)


def test_overlap_is_at_most_half_a_passage(readonly_world: KbWorld) -> None:
    response = readonly_world.as_("dave").post(ORG, {"name": "x", "chunkTokens": 64, "overlapTokens": 33})

    assert response.status == 422


def test_patch_changes_what_is_sent(world: KbWorld) -> None:
    dave = world.as_("dave")
    before = dave.get(f"/kb/{HANDBOOK}").json()

    after = dave.send("PATCH", f"/kb/{HANDBOOK}", body={"description": "All rules", "chunkTokens": 128}).json()

    assert after == {**before, "description": "All rules", "chunkTokens": 128, "updatedAt": after["updatedAt"]}
    assert dave.send("PATCH", f"/kb/{HANDBOOK}", body={"description": None}).json()["description"] is None


def test_deleted_base_is_gone_with_its_documents(world: KbWorld, bucket: Bucket) -> None:
    dave = world.as_("dave")
    document = f"/kb/{HANDBOOK}/documents/{RULES}"

    assert dave.send("DELETE", f"/kb/{HANDBOOK}").status == 204

    paths = [f"/kb/{HANDBOOK}", f"/kb/{HANDBOOK}/documents", document, f"{document}/download", f"{document}/text"]
    assert {path: dave.get(path).status for path in paths} == dict.fromkeys(paths, 404)
    assert dave.send("DELETE", f"/kb/{HANDBOOK}").status == 404
    (row,) = world.kb_rows("kb_bases", f"id = '{HANDBOOK}'")
    assert row["deleted_by"] == world.users["dave"]


def test_base_of_a_deleted_workspace_is_hidden_until_it_is_restored(world: KbWorld) -> None:
    world.add_kb("kb_bases", org_id=ACME, scope="workspace", ws_id=OLD, name="Old")

    assert world.as_("carol").get(f"/workspaces/{OLD}/kb").status == 404


def test_document_is_found_in_its_own_base_only(readonly_world: KbWorld) -> None:
    response = readonly_world.as_("dave").get(f"/kb/{HANDBOOK}/documents/{ENGINES}")

    assert (response.status, DOCUMENTS[ENGINE_BASE]) == (404, ENGINES)
