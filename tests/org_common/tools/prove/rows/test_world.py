import pytest

from org_common.tools.prove.rows.world import World
from tests.org_common.tools.prove.conftest import Prove

pytestmark = pytest.mark.db


@pytest.fixture
def world(prepared: Prove) -> World:
    return prepared().world


def test_person_is_found_in_a_tenant_or_in_none(world: World) -> None:
    assert world.find("viewer", "b").tenant == "b"
    assert world.find("outsider", "b").tenant == "-"
    assert world.person("outsider", "b") is None
    with pytest.raises(LookupError, match="there is no person owner of tenant a: known are admin, viewer, outsider"):
        world.find("owner", "a")


def test_rows_belong_to_a_tenant_and_to_a_user(world: World) -> None:
    viewer, outsider = world.find("viewer", "a"), world.find("outsider", "a")

    assert [row.label for row in world.mine(viewer, "shop.members")] == ["a", "a"]
    assert [row.user_id for row in world.own(viewer, "shop.members")] == [viewer.user_id]
    assert world.mine(outsider, "shop.members") == []
    assert [row.user_id for row in world.mine(outsider, "shop.users")] == [outsider.user_id]


def test_words_are_those_of_one_tenant(world: World) -> None:
    viewer = world.find("viewer", "b")

    words = world.words("b", viewer)

    assert (words["tenant"], words["other"]) == (world.tenant_ids["b"], world.tenant_ids["a"])
    assert words["user"] == words["viewer"] == viewer.user_id


def test_ids_lead_to_the_tenant_that_alone_has_them(world: World) -> None:
    assert {world.ids()[world.tenant_ids[label]] for label in ("a", "b")} == {"a", "b"}
    assert world.find("outsider", "a").user_id not in world.ids()
