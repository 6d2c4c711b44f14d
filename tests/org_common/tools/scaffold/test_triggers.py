import re

import pytest

from org_common.tools.scaffold.layout import Layout
from org_common.tools.scaffold.names import Noun, ScaffoldError
from org_common.tools.scaffold.triggers import queue_files, schedule_files

DAILY = "cron(0 3 * * ? *)"


def test_files_of_a_queue(layout: Layout) -> None:
    assert list(queue_files(layout, Noun.of("imports"))) == [
        "src/help_desk/migrations/0003_imports.sql",
        "src/help_desk/models/imports.py",
        "src/help_desk/queries/imports.py",
        "src/help_desk/imports.py",
        "tests/test_imports.py",
    ]


def test_files_of_a_schedule(layout: Layout) -> None:
    assert list(schedule_files(layout, "purge_notes", "notes", expression=DAILY, days=90)) == [
        "src/help_desk/migrations/0003_purge_notes.sql",
        "src/help_desk/queries/purge_notes.py",
        "src/help_desk/purge_notes.py",
        "tests/test_purge_notes.py",
    ]


@pytest.mark.parametrize(
    ("name", "table", "expression", "message"),
    [
        ("purge", "tickets", DAILY, "no migration of help_desk creates the table help_desk.tickets"),
        ("demo", "notes", DAILY, "the package has a file of that name"),
        ("purge", "notes", "every day", "'every day' is not an expression of EventBridge. For example: cron("),
        ("purge", "notes", 'rate(1 day)")', "is not an expression of EventBridge"),
    ],
)
def test_schedule_that_cannot_be_written(layout: Layout, name: str, table: str, expression: str, message: str) -> None:
    with pytest.raises(ScaffoldError, match=re.escape(message)):
        schedule_files(layout, name, table, expression=expression, days=90)
