"""PATCH in SQL: merged in depth, with grants on the columns alone, and never by halves."""

from collections.abc import Iterator
from typing import Any, LiteralString

import psycopg
import pytest
from pydantic import JsonValue

from org_common.db.database import Database, transaction
from org_common.db.protocol.statement import StatementError, prepare
from org_common.db.transaction import Transaction
from org_common.values.model import Model, Patch
from tests.support.lab import ALICE, Lab

pytestmark = pytest.mark.db

SCHEMA = """
create table lab.people
  (id int primary key, name text not null, address jsonb, settings jsonb, tags text[], private text);
alter table lab.people enable row level security, force row level security;
create policy everyone on lab.people to authenticated using (true) with check (true);
grant select (id, name, address, settings, tags), update (name, address, settings, tags) on lab.people to authenticated;
insert into lab.people values
  (1, 'Ann', '{"street": "Main 1", "city": "Bern"}', '{"theme": "dark", "beta": true}', '{a}', 'secret'),
  (2, 'Bob', null, null, null, 'secret');
"""
# As in docs/guides/database.md.
CHANGE: LiteralString = """
update lab.people t
set (name, address, settings, tags) = (
  select p.name, p.address, p.settings, p.tags
  from jsonb_populate_record(null::lab.people, app.merge_patch(
    jsonb_build_object('name', t.name, 'address', t.address, 'settings', t.settings, 'tags', t.tags), %(patch)s)) p
)
where id = %(id)s
returning id, name, address, settings, tags
"""


class AddressPatch(Patch):
    street: str
    city: str | None


class PersonPatch(Patch):
    name: str
    address: AddressPatch | None
    settings: dict[str, Any] | None
    tags: list[str] | None


class Person(Model):
    id: int
    name: str
    address: dict[str, Any] | None
    settings: dict[str, Any] | None
    tags: list[str] | None


@pytest.fixture(scope="module")
def people(shared_lab: Lab) -> Iterator[Database]:
    with psycopg.connect(shared_lab.local.admin_url) as admin:
        admin.execute(SCHEMA)
    database = Database(shared_lab.settings)
    yield database
    database.close()


def change(tx: Transaction, id: int, sent: dict[str, Any]) -> dict[str, Any]:
    """The columns that changed."""
    [before] = tx.all(Person, "select id, name, address, settings, tags from lab.people where id = %(id)s", {"id": id})
    after = tx.one(Person, CHANGE, {"id": id, "patch": PersonPatch.model_validate(sent)})
    return {name: value for name, value in after if value != getattr(before, name)}


class Undo(Exception):
    pass


CASES: list[tuple[int, dict[str, Any], dict[str, Any]]] = [
    (1, {}, {}),
    (1, {"name": "Eve"}, {"name": "Eve"}),
    (1, {"address": {"city": "Basel"}}, {"address": {"street": "Main 1", "city": "Basel"}}),
    (1, {"address": {"city": None}}, {"address": {"street": "Main 1"}}),
    (1, {"address": None}, {"address": None}),
    (1, {"address": {}}, {}),
    (1, {"settings": {"beta": None}}, {"settings": {"theme": "dark"}}),
    (
        1,
        {"settings": {"new": {"deep": 1, "gone": None}}},
        {"settings": {"theme": "dark", "beta": True, "new": {"deep": 1}}},
    ),
    (1, {"tags": ["b", "c"]}, {"tags": ["b", "c"]}),
    (1, {"tags": []}, {"tags": []}),
    (
        2,
        {"address": {"city": "Basel"}, "settings": {"a": 1, "b": None}},
        {"address": {"city": "Basel"}, "settings": {"a": 1}},
    ),
]


@pytest.mark.parametrize(("id", "sent", "changed"), CASES, ids=[str(sent) for _, sent, _ in CASES])
def test_a_patch_merges_in_depth_with_grants_on_columns_alone(
    people: Database, id: int, sent: dict[str, Any], changed: dict[str, Any]
) -> None:
    with pytest.raises(Undo), transaction(ALICE, database=people) as tx:
        assert change(tx, id, sent) == changed
        raise Undo


class FlatPatch(Patch):
    name: str
    tags: list[str] | None


class AnyPatch(Patch):
    value: JsonValue


SHALLOW: list[LiteralString] = [
    "select jsonb_populate_record(t, %(patch)s) from lab.people t",
    "select pg_catalog.jsonb_populate_record( t , %(patch)s )",
    "update lab.people set settings = settings || %(patch)s",
    "select %(patch)s || '{}'",
    "select jsonb_populate_record(null::lab.people, jsonb_build_object('name', t.name) || %(patch)s)",
]
DEEP: list[LiteralString] = [
    CHANGE.replace("%(id)s", "1"),
    "select access.update_me(%(patch)s)",
    "select %(patch)s -> 'settings'",
    "select app.merge_patch(settings, %(patch)s) || '{}' from lab.people",
    "insert into lab.patches (patch) values (%(patch)s)",
]


@pytest.mark.parametrize("text", SHALLOW)
@pytest.mark.parametrize(
    ("patch", "fields"),
    [(PersonPatch.model_validate({"name": "x"}), "address, settings"), (AnyPatch(value=1), "value")],
)
def test_a_statement_that_merges_without_depth_is_refused(text: LiteralString, patch: Patch, fields: str) -> None:
    """Whatever was sent, so that the first test of the route finds it."""
    with pytest.raises(StatementError, match=rf"%\(patch\)s would replace the objects in {fields} .*app\.merge_patch"):
        prepare(text).bind({"patch": patch})


@pytest.mark.parametrize("text", SHALLOW)
@pytest.mark.parametrize(
    "value",
    [FlatPatch.model_validate({"name": "x"}), {"a": {}}, Person(id=1, name="", address={}, settings={}, tags=[])],
)
def test_what_has_no_depth_or_is_no_patch_is_not(text: LiteralString, value: object) -> None:
    assert prepare(text).bind({"patch": value})[2] == (3802,)


@pytest.mark.parametrize("text", DEEP)
def test_other_uses_of_a_patch_are_not(text: LiteralString) -> None:
    assert prepare(text).bind({"patch": PersonPatch.model_validate({"name": "x"})})[2] == (3802,)
