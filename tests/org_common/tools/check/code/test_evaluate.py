"""Statements that are composed in every way that a project composes them."""

import pytest

from org_common.tools.check.check import collect
from org_common.tools.check.code.sources import load_sources
from org_common.tools.project.apps import load
from tests.org_common.tools.check.conftest import Shop

pytestmark = pytest.mark.db
ROUTE = """
import check_sql_texts as texts
from check_sql_texts import COLUMNS, GET as RENAMED
from psycopg import sql
LOCAL = "select 1"
CHOICES = {"a": "select 'a'", "b": "select 'b'"}
COMPOSED = sql.SQL("select {} from shop.orders").format(sql.Identifier("id"))

@app.get("/orders", allow=SIGNED_IN)
def handler(db: Reader, key: str, personal: bool) -> int:
    CODE
"""
TEXTS = 'COLUMNS = "id, title"\nGET = "select " + COLUMNS + " from shop.orders"\n'


@pytest.mark.parametrize(
    ("code_", "expected"),
    [
        ('return db.value("select 1")', ["select 1"]),
        ("return db.value(LOCAL)", ["select 1"]),
        ("return db.value(texts.GET)", ["select id, title from shop.orders"]),
        ("return db.value(RENAMED)", ["select id, title from shop.orders"]),
        ('return db.value("select " + COLUMNS)', ["select id, title"]),
        ('return db.value(LOCAL if personal else "select 2")', ["select 1", "select 2"]),
        ("chosen = LOCAL\n    return db.value(chosen)", ["select 1"]),
        (
            'chosen = LOCAL\n    if personal:\n        chosen = "select 2"\n    return db.value(chosen)',
            ["select 1", "select 2"],
        ),
        ("return db.value(CHOICES[key])", ["select 'a'", "select 'b'"]),
        ("return db.value(COMPOSED)", ['select "id" from shop.orders']),
        ('return db.value(sql.SQL("select {}").format(sql.Placeholder("key")), {"key": key})', ["select %(key)s"]),
        ("from check_sql_texts import GET\n    return db.value(GET)", ["select id, title from shop.orders"]),
        ("return db.value(sql=LOCAL)", ["select 1"]),
        ("return db.value(key)", None),
        ("for each in (LOCAL,):\n        return db.value(each)", None),
        ("return db.value(LOCAL.upper())", None),
    ],
)
def test_statement_is_resolved(code: Shop, code_: str, expected: list[str] | None) -> None:
    project = code.project(ROUTE.replace("CODE", code_), check_sql_texts=TEXTS)

    uses, computed = collect(load(project), load_sources(project))

    assert [use.sql.text for use in uses] == (expected or [])
    assert len(computed) == (expected is None)


def test_composed_statement_has_the_place_of_each_part(code: Shop) -> None:
    project = code.project(ROUTE.replace("CODE", "return db.value(texts.GET)"), check_sql_texts=TEXTS)

    [use] = collect(load(project), load_sources(project))[0]

    lines = [use.sql.find(word).line for word in ("select", "title", "from")]
    assert lines == [2, 1, 2]
    assert use.sql.title == "GET"
