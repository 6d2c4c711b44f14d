"""No part of the password of a database URL is in a log line, however badly the URL is written."""

import logging
from collections.abc import Iterator

import pytest

from org_common import SIGNED_IN, App, Database, Reader, Settings
from org_common.telemetry.log import configure
from org_common.testing.client import Client, Person
from tests.support.lines import untouched_logging

PART = "swordfish"
# Characters that end a part of a URL for some parser, in front of the secret part, behind it, and on both sides.
PASSWORDS = [
    f"{before}{PART}{after}" for sign in "@/?#:%&= \\'\"[]" for before, after in ((f"pa{sign}", ""), ("", f"{sign}ss"))
]
WRITTEN = [("json", "localhost:1"), ("text", "127.0.0.1:1"), ("json", "db.invalid:1"), ("text", "[::1]:1")]


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    with untouched_logging():
        yield


def notes(db: Reader) -> dict[str, int]:
    return {"n": db.value("select 1")}


@pytest.mark.parametrize(("form", "host"), WRITTEN)
@pytest.mark.parametrize("password", PASSWORDS)
def test_password_is_in_no_line(password: str, host: str, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    configure(form="text" if form == "text" else "json")
    logging.getLogger().setLevel(logging.DEBUG)
    app = App("urls")
    app.get("/x", allow=SIGNED_IN)(notes)
    app.use(Database(Settings(database_url=f"postgresql://app_login:{password}@{host}/cases")))

    response = Client(app, person=Person("local|alice"), timeout_s=2).get("/x")

    captured = capsys.readouterr()
    assert response.status in (500, 503)
    assert " ERROR " in captured.err or '"ERROR"' in captured.out
    assert PART not in f"{captured.out}{captured.err}{response.body!r}"
