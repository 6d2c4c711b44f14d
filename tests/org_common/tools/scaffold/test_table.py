import pytest

from org_common.tools.scaffold.fields import parse
from org_common.tools.scaffold.layout import Layout
from org_common.tools.scaffold.names import Noun
from org_common.tools.scaffold.table import Access, Table, files

TICKETS = Table(Noun.of("tickets"), parse(["subject:text", "due_on:date?"]), Access("org_admin"), Access("org_owner"))


def test_files_of_a_table(layout: Layout) -> None:
    assert list(files(layout, TICKETS)) == [
        "src/help_desk/migrations/0003_tickets.sql",
        "src/help_desk/models/tickets.py",
        "src/help_desk/queries/tickets.py",
        "src/help_desk/tickets.py",
        "tests/test_tickets.py",
    ]


def test_policies_are_evaluated_once_for_a_statement(layout: Layout) -> None:
    sql = files(layout, TICKETS)["src/help_desk/migrations/0003_tickets.sql"]

    assert "for select to authenticated\n  using (org_id = any (array(select help_desk.org_ids())))" in sql
    assert "for delete to authenticated\n  using (org_id = any (array(select help_desk.org_ids('org_owner'))))" in sql
    assert sql.count("= any (array(select help_desk.org_ids('org_admin')))") == 3


@pytest.mark.parametrize(
    ("write", "remove", "sentence"),
    [
        ("org_user", "org_user", "Its members read, write and delete them."),
        ("org_user", "org_admin", "Its members read and write them, its admins delete them."),
        ("org_admin", "org_admin", "Its members read them, its admins write and delete them."),
        ("org_admin", "org_owner", "Its members read them, its admins write them, its owners delete them."),
    ],
)
def test_readers_in_a_sentence(write: str, remove: str, sentence: str) -> None:
    assert Table(TICKETS.noun, TICKETS.fields, Access(write), Access(remove)).readers == sentence
