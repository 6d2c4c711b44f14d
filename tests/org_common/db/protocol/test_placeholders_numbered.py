"""`$1` is refused before it is sent, and only where PostgreSQL takes it for a placeholder."""

from contextlib import suppress

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from org_common import App
from org_common.auth.rules import SIGNED_IN
from org_common.db.database import Database
from org_common.db.protocol.placeholders import parse
from org_common.db.protocol.statement import StatementError, prepare
from org_common.db.reader import Reader
from org_common.db.transaction import Transaction
from org_common.testing.client import Client, Person
from tests.support.lab import Lab
from tests.support.proxy import Proxy

PLACEHOLDERS = [
    "select $1",
    "select $1::int",
    "select $1 + ($12::int)",
    "select id from t where id=$1 and x = 'y'",
    "select '$', $1",
    "select 'it''s', $1",
    "select E'\\\\', $1",
    "select $$a$$, $1",
    'select 1 as "a", $1',
    "select 1 -- '\n, $1",
    "select /* ' */ $1",
    "select /* /* */ ' */ $1",
    "insert into lab.notes values ($1, $2, $3)",
]
# PostgreSQL reads these without a parameter.
TEXTS = [
    "select '$1'",
    "select 'it''s $1'",
    "select E'\\'$1'",
    "select e'\\\\$1'",
    "select U&'$1'",
    "select $$ $1 $$",
    "select $a$ $1 $$ $1 $a$",
    "select $ä$ $1 $ä$",
    'select 1 as "$1"',
    "select 1 as a$1",
    "select 1 as ä$1",
    "select 1 -- $1",
    "select 1 -- $1\r, 2",
    "select /* $1 */ 1",
    "select /* /* */ $1 */ 1",
    "select 1 /* $1",
    "select '100 $'",
]


@pytest.mark.parametrize("text", PLACEHOLDERS)
def test_a_placeholder_is_found(text: str) -> None:
    with pytest.raises(StatementError, match=r"'\$12?' is not a valid placeholder"):
        parse(text)


@pytest.mark.parametrize("text", TEXTS)
def test_what_is_quoted_is_not(text: str) -> None:
    assert parse(text).command == text.encode()


@pytest.mark.db
@pytest.mark.parametrize("text", TEXTS)
def test_postgres_reads_it_alike(text: str, lab: Lab) -> None:
    with psycopg.connect(lab.local.admin_url) as connection:
        result = connection.pgconn.prepare(b"it", text.encode())

        # An unterminated comment is a syntax error to the server as well.
        assert result.error_message == b"" or text.endswith("/* $1")
        assert connection.pgconn.describe_prepared(b"it").nparams == 0


@pytest.mark.db
@pytest.mark.parametrize("text", [text for text in PLACEHOLDERS if "from t" not in text and "$12" not in text])
def test_postgres_finds_it_alike(text: str, lab: Lab) -> None:
    with psycopg.connect(lab.local.admin_url) as connection:
        connection.pgconn.prepare(b"it", text.encode())

        assert connection.pgconn.describe_prepared(b"it").nparams > 0


MARKS = ["'", "''", '"', "$$", "$a$", "$1", "/*", "*/", "--", "\n", "\\", "E", "a", " "]


@given(st.lists(st.sampled_from(MARKS), max_size=12))
def test_any_text_is_read_to_its_end(pieces: list[str]) -> None:
    with suppress(StatementError):
        parse("".join(pieces))


def test_the_message_says_what_to_write() -> None:
    with pytest.raises(StatementError, match=r"'\$1' is not a valid placeholder\. Name parameters, as in %\(org_id\)s"):
        prepare("select $1::int")


@pytest.mark.db
def test_it_reaches_no_server_and_no_handler_runs_twice(proxied: Database, proxy: Proxy) -> None:
    app = App("numbered")
    runs: list[str] = []

    @app.get("/native", allow=SIGNED_IN)
    def read(db: Reader) -> dict[str, object]:
        runs.append("read")
        return {"n": db.value("select $1::int", {"n": 1})}

    @app.post("/native", allow=SIGNED_IN, retry=True)
    def write(tx: Transaction) -> dict[str, object]:
        runs.append("write")
        return {"n": tx.value("select $1::int", {"n": 1})}

    app.use(proxied)
    client = Client(app, person=Person("local|alice"))

    assert (client.get("/native").status, client.post("/native", {}).status, runs) == (500, 500, ["read", "write"])
    assert (proxied.counters.resent, proxied.counters.rerun) == (0, 0)
    assert not [text for text in proxy.statements() if "$1::int" in text]
