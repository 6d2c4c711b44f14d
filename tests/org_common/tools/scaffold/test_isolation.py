import tomllib

import pytest

from org_common.tools.prove.declaration import read
from org_common.tools.scaffold.fields import parse
from org_common.tools.scaffold.isolation import add, extended, queue_lines, schedule_lines, table_lines
from org_common.tools.scaffold.layout import Layout
from org_common.tools.scaffold.names import Noun, ScaffoldError
from org_common.tools.scaffold.table import Access, Table

TICKETS = Table(Noun.of("tickets"), parse(["subject:text", "due_on:date?"]), Access("org_admin"), Access("org_owner"))


def test_entry_of_a_table_follows_its_roles() -> None:
    assert tomllib.loads("\n".join(table_lines(TICKETS))) == {
        "columns": {"authenticated": {"insert": "org_id subject due_on", "update": "subject due_on"}},
        "owner": "select insert update delete",
        "admin": "select insert update",
        "member": "select",
    }


def test_new_project_declares_its_table(layout: Layout) -> None:
    declared = read([layout.root / "src/help_desk/migrations/isolation.toml"])

    assert (declared.tenants, declared.users) == ("help_desk.orgs", "help_desk.users")
    assert [grant.verb for grant in declared.tables["help_desk.notes"].can["member"]] == ["select", "insert", "update"]


def test_entry_of_a_new_table_comes_last(layout: Layout) -> None:
    assert add(layout, "imports", queue_lines()) == "src/help_desk/migrations/isolation.toml"

    text = (layout.root / "src/help_desk/migrations/isolation.toml").read_text()
    assert text.endswith("\n\n[tables.help_desk.imports]\n" + "\n".join(queue_lines()) + "\n")
    assert add(layout, "imports", queue_lines()) is None


def test_schedule_extends_the_entry_of_its_table_once() -> None:
    text = '[tables.shop.notes]\nowner = "select"\n\n[tables.shop.tickets]\nowner = "select"\n'

    once = extended(text, "shop.notes", schedule_lines())

    assert once == text.replace('"select"\n', '"select"\n' + "\n".join([*schedule_lines(), ""]), 1)
    assert extended(once, "shop.notes", schedule_lines()) == once


@pytest.mark.parametrize(
    "text",
    [
        "[tables.shop.notes]\nrows = []\n",
        '[tables.shop.notes]\napp_service = ""\n',
        '[tables.shop.notes]\ncolumns.app_service.select = "id"\n',
        '[tables.shop]\nnotes = { owner = "select" }\n',
    ],
    ids=["rows", "role", "columns", "another form"],
)
def test_entry_that_says_something_else_stays(text: str) -> None:
    assert extended(text, "shop.notes", schedule_lines()) == text


def test_file_that_cannot_be_read_is_named(layout: Layout) -> None:
    file = layout.root / "src/help_desk/migrations/isolation.toml"
    file.write_text("[tables", "utf-8")

    with pytest.raises(ScaffoldError, match=r"isolation.toml: .* then add the entry of help_desk.imports"):
        add(layout, "imports", queue_lines())
