import re

import pytest

from org_common.tools.scaffold.fields import parse
from org_common.tools.scaffold.names import ScaffoldError


def test_fields_of_a_table() -> None:
    subject, due_on = parse(["subject:text", "due_on:date?"])

    assert subject.column == "subject text not null check (length(subject) between 1 and 2000)"
    assert (due_on.column, due_on.annotation, due_on.key) == ("due_on date", "date | None", "dueOn")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (["subject"], "'subject' is not a field: write name:type"),
        (["subject:varchar"], "Types are text, int, bool, date, timestamp, uuid, decimal"),
        (["subject:text", "subject:int"], "the field subject is named twice"),
        (["due_on:date?"], "a table needs a field that is required"),
        (["id:uuid"], "the field id is in each table already"),
    ],
)
def test_fields_that_are_refused(fields: list[str], message: str) -> None:
    with pytest.raises(ScaffoldError, match=re.escape(message)):
        parse(fields)
