"""The line about a request that PostgreSQL refused. With a real server: tests/org_common/db/test_refusals.py."""

import json
import logging
from types import SimpleNamespace

import pytest

from org_common.telemetry.log import configure
from org_common.telemetry.refusals import log_refusal
from org_common.values.errors import Conflict, OrgError
from tests.support.lines import untouched_logging


class Refused(Exception):
    """An error of PostgreSQL, as far as the line needs it."""

    hint = None

    def __init__(self, sqlstate: str, message: str, *, is_raised: bool) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate
        self.message = message
        self.origin = SimpleNamespace(
            is_raised=is_raised,
            constraint="one_email",
            table="shop.users",
            column=None,
            function=None,
            statement="INSERT shop.users",
            command=None,
            position=None,
            named=str,
            excerpt=lambda: ["insert into shop.users"],
        )


def logged(form: str, sqlstate: str, capsys: pytest.CaptureFixture[str], *, is_raised: bool = False) -> str:
    failed = Refused(sqlstate, "taken", is_raised=is_raised)
    error: OrgError = Conflict()
    error.__cause__ = failed
    with untouched_logging():
        configure(form="json" if form == "json" else "text")
        log_refusal(logging.getLogger("org_common"), "POST /users", error, failed)
    return "".join(capsys.readouterr())


@pytest.mark.parametrize(("sqlstate", "level"), [("23505", "INFO"), ("42501", "WARNING")])
def test_in_json_it_is_one_line_with_what_it_is_about(
    sqlstate: str, level: str, capsys: pytest.CaptureFixture[str]
) -> None:
    line = json.loads(logged("json", sqlstate, capsys))

    assert (line["level"], line["message"]) == (level, "POST /users responded with 409: taken")
    assert (line["sqlstate"], line["constraint"], "error" in line) == (sqlstate, "one_email", False)


def test_on_a_terminal_it_shows_the_sql(capsys: pytest.CaptureFixture[str]) -> None:
    first, *lines = logged("text", "23505", capsys).splitlines()

    assert first.endswith("INFO     POST /users responded with 409: taken")
    assert lines == ["    insert into shop.users", "  constraint: one_email", "  table: shop.users"]


@pytest.mark.parametrize("form", ["json", "text"])
def test_message_of_a_function_of_the_program_may_hold_values(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    line = logged(form, "23505", capsys, is_raised=True)

    assert ("a function raised SQLSTATE 23505" in line, "taken" in line) == (True, False)
