import pytest

from org_common.tools.prove.rows.references import resolve

ROWS = {("shop.orders", "id"): ["1", "2", None]}


def test_words_and_columns_are_replaced() -> None:
    text = '{"{shop.orders.id}": [], "{shop.orders.id:2}": "{user}", {unknown}, {shop.orders.id:3}x'

    found = resolve(text, {"user": "u"}, lambda table, column: ROWS[table, column])

    assert found == '{"1": [], "2": "u", {unknown}, x'


def test_missing_value_is_an_error() -> None:
    with pytest.raises(LookupError, match=r"there is no \{shop.orders.id:4\}"):
        resolve("{shop.orders.id:4}", {}, lambda table, column: ROWS[table, column])
