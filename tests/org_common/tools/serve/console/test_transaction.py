"""A captured statement is found with its session setup, and repeated without an effect."""

from collections.abc import Callable, Mapping

import pytest

from org_common.db.protocol.errors import StatementFailed
from org_common.tools.project.project import ToolError
from org_common.tools.serve.console.capture import Capture
from org_common.tools.serve.console.transaction import connected, find, send
from tests.org_common.tools.serve.console.conftest import ACME, SECRET, statement_of

pytestmark = pytest.mark.db
Ask = Callable[..., Capture]


def test_statement_has_its_setup(ask: Ask) -> None:
    statement = statement_of(ask(f"/orgs/{ACME}/members"), b"select m.user_id")

    assert statement.role == "authenticated"
    assert statement.identify is not None
    assert statement.rule is not None
    assert statement.rule[0].startswith(b"select app.require(")
    assert b"local|alice" in (statement.settings[1][1] or b"")


def test_later_round_trip_of_a_transaction_has_the_setup_of_the_first(ask: Ask) -> None:
    capture = ask("/rename", method="POST")

    assert len(capture.trips) > 1
    assert statement_of(capture, b"update").settings == statement_of(capture, b"select count").settings


def test_other_claims_replace_only_the_claims(ask: Ask) -> None:
    statement = statement_of(ask("/orgs"), b"select id")

    other = statement.with_claims("{}")

    assert other.settings[1][1] == b"{}"
    assert [other.settings[1][0], *other.settings[1][2:]] == [statement.role.encode(), *statement.settings[1][2:]]
    assert other.wire == statement.wire


def test_transaction_is_read_only_and_rolled_back(ask: Ask, urls: Mapping[str, str]) -> None:
    statement = statement_of(ask("/rename", method="POST"), b"update")

    with connected(urls, statement.role) as conn:
        with pytest.raises(StatementFailed, match="read-only transaction"):
            send(conn, [*statement.setup(), statement.wire])
        assert send(conn, [(b"select current_user", [], (), [])])[0].get_value(0, 0) == b"app_login"


def test_statement_that_is_not_there_is_refused(ask: Ask) -> None:
    capture = ask("/orgs")

    for trip, number in ((0, 99), (9, 0), (-1, 0), (0, -1)):
        with pytest.raises(ToolError, match="no such statement"):
            find(capture, trip, number)


def test_request_whose_values_made_room_is_refused(ask: Ask) -> None:
    capture = ask("/orgs")
    capture.trim()

    with pytest.raises(ToolError, match="no longer in memory"):
        find(capture, 0, 0)
    assert SECRET.encode() not in b"".join(value or b"" for wire in capture.trips[0].statements for value in wire[1])
