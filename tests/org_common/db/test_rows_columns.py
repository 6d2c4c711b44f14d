"""Columns and fields: which go together, and what is said when they do not."""

import datetime
import enum
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any, LiteralString

import pytest
from pydantic import BaseModel

from org_common.auth.rules import SIGNED_IN
from org_common.db.database import Database
from org_common.db.protocol.statement import StatementError
from org_common.db.reader import Reader
from org_common.values.model import Model
from org_common.values.types import Deadline
from tests.support.handles import OwnedReader, open_reader
from tests.support.lab import ALICE, Lab

pytestmark = pytest.mark.db


@pytest.fixture
def reader(db: Database) -> OwnedReader:
    return open_reader(db, SIGNED_IN, ALICE, {}, Deadline.after(10))


class Color(enum.StrEnum):
    RED = "red"
    BLUE = "blue"


class Part(Model):
    size_mm: int


class Thing(Model):
    color: Color
    part: Part
    parts: list[Part]


def test_enums_and_nested_models_are_validated_in_each_row(reader: Reader) -> None:
    query = """
        select c as color, jsonb_build_object('size_mm', 1) as part,
               jsonb_build_array(jsonb_build_object('size_mm', 2)) as parts
        from unnest(array['red', 'blue']) c"""

    red, blue = reader.all(Thing, query)

    assert (red.color, blue.color) == (Color.RED, Color.BLUE)
    assert red.part == blue.part == Part(size_mm=1)
    assert blue.parts == [Part(size_mm=2)]
    with pytest.raises(StatementError, match="color"):
        reader.all(Thing, query.replace("'blue'", "'green'"))


class Styled(Model):
    word: str
    day: datetime.date
    moment: datetime.datetime
    span: datetime.timedelta


class Small(Model):
    id: int
    name: str
    note: str | None = None


MISFITS: list[tuple[LiteralString, str]] = [
    ("select 1 as id", "the columns id do not match the fields of Small: missing name (select the column, or"),
    ("select 1 as id, 'x' as name, 2 as more", ": unknown more (add a field, or leave the column out of the SELECT)"),
    (
        "select 1 as id, 'x' as label",
        "unknown label (add a field, or leave the column out of the SELECT); missing",
    ),
    (
        "select 1 as id, 'x' as name, 'y' as name",
        "the columns id, name, name do not match the fields of Small: one",
    ),
    ("select 1, 'x'", "unknown ?column?, ?column? (add"),
    ("select 1 as \"Id\", 'x' as name", "unknown Id (add a field"),
]


@pytest.mark.parametrize(("query", "message"), MISFITS)
def test_columns_that_do_not_fit_are_named(reader: Reader, query: LiteralString, message: str) -> None:
    with pytest.raises(StatementError, match=re.escape(message)):
        reader.all(Small, query)


def test_a_misfit_is_found_without_a_single_row(reader: Reader) -> None:
    with pytest.raises(StatementError, match="do not match"):
        reader.all(Small, "select 1 as id where false")


def test_defaults_fill_what_the_query_leaves_out(reader: Reader) -> None:
    rows = reader.all(Small, "select n as id, 'x' as name from generate_series(1, 3) n")

    assert [row.note for row in rows] == [None] * 3
    assert [row.model_fields_set for row in rows] == [{"id", "name"}] * 3


def test_columns_come_in_any_order(reader: Reader) -> None:
    rows = reader.all(Small, "select 'n' as note, 'x' as name, n as id from generate_series(1, 3) n")

    for number, row in enumerate(rows, start=1):
        expected = Small(id=number, name="x", note="n")
        assert row == expected
        assert row.model_dump_json() == expected.model_dump_json()


def test_camel_case_is_for_the_outside(reader: Reader) -> None:
    class Item(Model):
        created_by: int

    assert reader.one(Item, "select 1 as created_by").created_by == 1
    with pytest.raises(StatementError):
        reader.one(Item, 'select 1 as "createdBy"')


def test_a_null_where_none_is_allowed_is_refused(reader: Reader) -> None:
    with pytest.raises(StatementError, match="name"):
        reader.all(Small, "select 1 as id, null::text as name")
    with pytest.raises(StatementError, match="name"):
        reader.all(Small, "select n as id, (array['x'])[n] as name, null as note from generate_series(1, 2) n")


def test_moments_are_utc_whatever_the_server_says(reader: Reader) -> None:
    moment = reader.value("select timestamptz '2026-01-02 03:04:05+05:30'")

    assert moment == datetime.datetime(2026, 1, 1, 21, 34, 5, tzinfo=datetime.UTC)
    assert moment.utcoffset() == datetime.timedelta(0)


STYLES: list[tuple[LiteralString, str]] = [
    ("datestyle", "SQL, DMY"),
    ("datestyle", "German"),
    ("intervalstyle", "iso_8601"),
    ("intervalstyle", "sql_standard"),
    ("timezone", "Europe/Berlin"),
]


def test_the_databases_own_styles_do_not_matter(own_lab: Lab) -> None:
    """As text an interval of another style is another interval, and a date another date."""
    query: LiteralString = """
        select jsonb_build_array(1)::text as word, date '2026-02-01' as day,
               timestamptz '2026-02-01 12:00:00+00' as moment, interval '1 day 2 hours' as span"""
    for setting, value in STYLES:
        own_lab.configure(setting, value)
        with closing(Database(own_lab.settings)) as db:
            row = open_reader(db, SIGNED_IN, ALICE, {}, Deadline.after(10)).one(Styled, query)

        assert row.day == datetime.date(2026, 2, 1)
        assert row.moment == datetime.datetime(2026, 2, 1, 12, tzinfo=datetime.UTC)
        assert row.span == datetime.timedelta(days=1, hours=2)


def test_the_first_rows_of_many_threads(db: Database) -> None:
    """All of them meet the model for the first time at once."""
    for _ in range(20):

        class Fresh(Model):
            id: int

        barrier = threading.Barrier(4)

        def work() -> list[Any]:
            reader = open_reader(db, SIGNED_IN, ALICE, {}, Deadline.after(10))
            barrier.wait()  # noqa: B023 - the threads end within the round
            return reader.all(Fresh, "select n as id from generate_series(1, 5) n")

        with ThreadPoolExecutor(4) as pool:
            for done in [pool.submit(work) for _ in range(4)]:
                assert [row.id for row in done.result()] == [1, 2, 3, 4, 5]


class Foreign(BaseModel):
    id: int


@pytest.mark.parametrize("model", [Foreign, dict])
def test_another_class_than_a_model_is_refused(reader: OwnedReader, model: Any) -> None:
    with pytest.raises(
        StatementError, match=f"{model.__name__} is not a model of rows: derive it from org_common.Model"
    ):
        reader.all(model, "select 1 as id")
