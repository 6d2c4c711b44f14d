import re

import psycopg
import pytest

from org_common.tools.scaffold.names import RESERVED, Noun, ScaffoldError, check_field, check_package, package_of


@pytest.mark.parametrize(
    ("table", "one"),
    [("tickets", "ticket"), ("companies", "company"), ("boxes", "box"), ("addresses", "address"), ("staff", "staff")],
)
def test_singular_of_a_table(table: str, one: str) -> None:
    assert Noun.of(table).singular == one


def test_singular_can_be_named() -> None:
    noun = Noun.of("news", "news_item")

    assert (noun.class_name, noun.id, noun.one, noun.article) == ("NewsItem", "news_item_id", "news item", "a")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("Tickets", "the table cannot be called 'Tickets': use a-z"),
        ("tickets__new", "use a-z, 0-9 and single underscores"),
        ("order", "it is a reserved word of SQL"),
        ("class", "it is a keyword of Python"),
        ("t" * 31, "has 31 characters: use at most 30"),
        ("models", "is the name of a file or folder that each package has"),
        ("pages", "would be Page, which the file imports from elsewhere"),
        ("nones", "would be None: name it with --singular"),
        ("../etc", "the table cannot be called '../etc'"),
        ("tickets\n", "the table cannot be called"),
    ],
)
def test_table_that_cannot_be_written(table: str, message: str) -> None:
    with pytest.raises(ScaffoldError, match=re.escape(message)):
        Noun.of(table)


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("created_at", "is in each table already"),
        ("copy", "each Model has such an attribute. For example: copy_text"),
        ("model_name", "each Model has such an attribute"),
        ("t", "generated statements use t as the alias of the table. For example: t_text"),
        ("user", "reserved word of SQL"),
    ],
)
def test_field_that_cannot_be_written(field: str, message: str) -> None:
    with pytest.raises(ScaffoldError, match=re.escape(message)):
        check_field(field)


@pytest.mark.parametrize(
    ("project", "message"),
    [
        ("Help Desk", "a project cannot be called 'Help Desk'"),
        ("-desk", "a project cannot be called '-desk'"),
        ("email", "Python has a module of that name"),
        ("org-common", "Python has a module of that name"),
        ("auth", "its schema is one that exists"),
        ("user", "reserved word of SQL"),
    ],
)
def test_project_that_cannot_be_written(project: str, message: str) -> None:
    with pytest.raises(ScaffoldError, match=re.escape(message)):
        package_of(project)


def test_package_of_a_project() -> None:
    assert package_of("help-desk") == "help_desk"
    check_package("help_desk")


@pytest.mark.db
def test_reserved_words_are_those_of_the_server(postgres: str) -> None:
    with psycopg.connect(postgres) as admin:
        # R: reserved; T: reserved, but a function or type.
        words = {word for (word,) in admin.execute("select word from pg_get_keywords() where catcode in ('R', 'T')")}

    assert words == RESERVED
