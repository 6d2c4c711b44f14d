import psycopg
import pytest

from org_common.tools.cost.arguments import ATTEMPTS, Arguments, NoValueError
from org_common.tools.cost.keys import LABEL
from org_common.tools.cost.statements import Asked, Parameter
from org_common.tools.prove.rows.world import World
from tests.org_common.tools.prove.conftest import Prove, prepared

__all__ = ["prepared"]
pytestmark = pytest.mark.db
UUID = 2950


@pytest.fixture
def world(prepared: Prove) -> World:
    return prepared().world


def values(world: World, parameter: Parameter, *tables: str) -> list[str | None]:
    arguments = Arguments(world, world.find("admin", LABEL))
    asked = Asked("shop.py:1", "ORDERS", "authenticated", parameters=(parameter,), tables=tables)
    return [value for [value] in arguments.of(asked)]


def test_column_gives_a_value_of_the_tenant(world: World) -> None:
    [value] = values(world, Parameter("order", UUID, "uuid", is_array=False, columns=(("shop.orders", "id"),)))

    assert value in [row.values["id"] for row in world.rows["shop.orders"] if row.label == LABEL]


def test_caller_s_own_row_comes_first(world: World) -> None:
    [value] = values(world, Parameter("who", UUID, "uuid", is_array=False, columns=(("shop.members", "user_id"),)))

    assert value == world.find("admin", LABEL).user_id


def test_array_has_one_item(world: World) -> None:
    [value] = values(world, Parameter("ids", 2951, "uuid", is_array=True, columns=(("shop.teams", "id"),)))

    assert value == '{"' + world.tenant_ids[LABEL] + '"}'


def test_name_finds_columns_where_the_catalog_connects_none(world: World) -> None:
    found = values(world, Parameter("team_id", UUID, "uuid", is_array=False))

    assert found[0] == world.tenant_ids[LABEL]
    assert len(found) <= ATTEMPTS


@pytest.mark.parametrize(
    ("kind", "labels", "expected"), [("bigint", (), "20"), ("size", ("small", "large"), "small"), ("text", (), "x")]
)
def test_type_gives_a_value(world: World, kind: str, labels: tuple[str, ...], expected: str) -> None:
    assert values(world, Parameter("nothing", 0, kind, is_array=False, labels=labels)) == [expected]


def test_type_without_a_value_is_named(world: World) -> None:
    with pytest.raises(NoValueError, match=r"^no value is known for %\(area\)s of the type circle$"):
        values(world, Parameter("area", 0, "circle", is_array=False))


def test_statement_without_parameters_runs_once(world: World, shop: psycopg.Connection) -> None:
    arguments = Arguments(world, world.find("admin", LABEL))

    assert [*arguments.of(Asked("shop.py:1", "ONE", "authenticated"))] == [[]]
