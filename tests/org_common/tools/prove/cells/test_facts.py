import pytest

from tests.org_common.tools.prove.conftest import Prove

pytestmark = pytest.mark.db


def problems(proved: Prove, change: str, *more: str) -> list[str]:
    return [f"{each.cell.name}: {each.problem}" for each in proved(change, *more).findings if each.cell.fact]


def test_column_beyond_the_declaration_is_found(proved: Prove) -> None:
    change = """
        revoke update on shop.orders from authenticated; grant update (note, number) on shop.orders to authenticated"""
    entry = ("[tables.shop.orders.columns]", 'authenticated.update = "note"')

    assert problems(proved, change, *entry) == [
        "shop.orders: update right by authenticated: may update (number note), and only note is declared"
    ]


def test_lost_right_is_found(proved: Prove) -> None:
    assert problems(proved, "revoke select on shop.teams from authenticated") == [
        "shop.teams: select right by authenticated: has no right to select it"
    ]


def test_missing_trigger_is_found(proved: Prove) -> None:
    assert problems(proved, "", "[tables.shop.orders]", 'triggers = "stamp"') == [
        "shop.orders: trigger stamp: is missing or disabled"
    ]


def test_sequence_is_found(proved: Prove) -> None:
    change = "create sequence shop.numbers; grant usage on sequence shop.numbers to authenticated"

    [problem] = problems(proved, change)
    assert problem.startswith("shop.numbers: use by authenticated: may use it: its values tell how many rows")
    assert problems(proved, change, "[sequences]", '"shop.numbers" = "authenticated"') == []
