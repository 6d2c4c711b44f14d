import pytest

from org_common.tools.check.planner import Planner

pytestmark = pytest.mark.db


def test_catalog_has_columns_types_enums_and_checks(planner: Planner) -> None:
    catalog = planner.catalog
    table = next(oid for oid, name in catalog.tables.items() if name == "shop.orders")
    columns = {column.name: column for (owner, _), column in catalog.columns.items() if owner == table}
    codes = next(oid for oid, name in catalog.tables.items() if name == "shop.codes")

    assert (columns["title"].is_not_null, columns["note"].is_not_null) == (True, False)
    # A domain that is NOT NULL, of a column that is not.
    assert catalog.columns[codes, 1].is_not_null
    assert catalog.enum(columns["size"].type) == frozenset({"small", "large"})
    assert catalog.enum(columns["title"].type) is None
    assert catalog.type_name(catalog.base(columns["color"].type)) == "text"
    assert catalog.type_name(0) == "type 0"
    assert catalog.checks[table, 0]
