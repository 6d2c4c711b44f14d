import json

import pytest

from tests.org_common.sql.shop import ALICE, Unit

pytestmark = pytest.mark.db

BOB = "00000000-0000-0000-0000-00000000000b"
AUTHORS = "select row(created_by, updated_by)::text from shop.notes where id = 1"


@pytest.mark.parametrize(
    "change",
    [
        "set body = body",
        "set id = id",
        "set body = 'old'",
        f"set updated_by = '{BOB}', created_by = '{BOB}', updated_at = '2001-01-01', created_at = '2001-01-01'",
    ],
)
def test_update_that_changes_nothing_has_no_author(unit: Unit, change: str) -> None:
    with unit({"sub": ALICE}) as ask:
        ask("insert into shop.notes (id, body) values (1, 'old')")
        ask("select set_config('request.jwt.claims', %s, true)", json.dumps({"sub": BOB}))
        ask(f"update shop.notes {change} where id = 1")

        assert ask(AUTHORS) == f"({ALICE},{ALICE})"


@pytest.mark.parametrize("change", ["set body = 'new'", "set body = 'OLD'", "set body = 'old '", "set body = null"])
def test_update_that_changes_something_has_one(unit: Unit, change: str) -> None:
    with unit({"sub": ALICE}) as ask:
        ask("insert into shop.notes (id, body) values (1, 'old')")
        ask("select set_config('request.jwt.claims', %s, true)", json.dumps({"sub": BOB}))
        ask(f"update shop.notes {change} where id = 1")

        assert ask(AUTHORS) == f"({ALICE},{BOB})"


def test_row_is_still_found(unit: Unit) -> None:
    """It is an update of one row to whoever counts: a handler's `one` finds it, `rows=1` holds."""
    with unit({"sub": ALICE}) as ask:
        ask("insert into shop.notes (id, body) values (1, 'old')")

        assert ask("update shop.notes set body = 'old' where id = 1 returning id") == 1
