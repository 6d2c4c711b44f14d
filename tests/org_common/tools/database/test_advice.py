"""Advice below errors of PostgreSQL. Its cases on a help desk are in tests/mistakes; here are those that get none."""

from collections.abc import Iterator
from typing import LiteralString

import pytest

from org_common import PUBLIC, Database, Deadline, OrgError
from org_common.db.protocol.errors import StatementFailed
from org_common.telemetry import causes
from org_common.tools.database.advice import advise, install
from org_common.tools.database.local import LocalDatabase
from tests.support.handles import open_reader

pytestmark = pytest.mark.db


@pytest.fixture(scope="module")
def db(database_template: LocalDatabase) -> Iterator[Database]:
    database = Database(database_template.settings)
    yield database
    database.close()


def failed(db: Database, text: LiteralString) -> StatementFailed:
    with pytest.raises(OrgError) as raised:
        open_reader(db, PUBLIC, None, {}, Deadline.after(5)).value(text)
    cause = raised.value.__cause__
    assert isinstance(cause, StatementFailed)
    return cause


@pytest.mark.parametrize(
    "text",
    [
        "select t.id from (values (1)) as s(id)",
        "select pg_catalog.pg_has_role('nobody_has_this_name', 'usage')",
        "select 'a'::text::int",
        "select 1 / 0",
        "select 1 union select 1, 2",
        "select 'a' collate \"no such one\"",
    ],
)
def test_errors_of_many_reasons_get_no_advice(db: Database, text: LiteralString) -> None:
    assert advise(failed(db, text)) == ""


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("select 1 from pg_catalog.no_such_table", "correct the name, or if a pending migration creates it"),
        ("select 1 from no_such.table_of_it", "correct the name, or if a pending migration creates it"),
        ("select null::mood", "write its schema, as in shop.mood: the search path is empty"),
        ("select 'a'::text = 1", "cast one side, as in %(size)s::int"),
        (
            "select 1 fro pg_catalog.pg_class c limit",
            "correct the SQL at the caret; quote a name that is a word of SQL",
        ),
        ("select pg_catalog.upper(1)", "correct the name, cast the arguments to their types"),
        ("select upper(1)", "For a built-in function, cast the arguments to its types"),
    ],
)
def test_advice_is_about_what_failed(db: Database, text: LiteralString, advice: str) -> None:
    assert advice in advise(failed(db, text))


def test_advice_is_for_developers(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """JSON lines in production have none: nothing there installs it."""
    error = failed(db, "select 1 from tickets")
    monkeypatch.setattr(causes, "advise", None)
    assert not any("advice" in line for line in causes.explained(error))

    install()
    assert "advice: write its schema, as in shop.tickets: the search path is empty" in causes.explained(error)
