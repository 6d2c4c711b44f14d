"""`org-common outbox refused` and `forget`: what consumers refused."""

import json

import psycopg
import pytest

from org_common.tools.database.local import LocalDatabase
from org_common.tools.database.refusals import forget, list_refusals
from org_common.tools.project.project import ToolError
from tests.org_common.tools.database.test_relay import call

pytestmark = pytest.mark.db


@pytest.fixture
def message(database: LocalDatabase) -> int:
    """A delivered message that a consumer refused twice, and a forged record."""
    with psycopg.connect(database.admin_url) as conn:
        row = conn.execute(
            "insert into app.delivered_messages (id, queue, message, created_at, hops) "
            "values (4711, 'imports', '{}', now(), 0) returning id"
        ).fetchone()
        conn.execute("select set_config('request.jwt.claims', '{\"receives\":true}', true)")
        for id, record, code in ((4711, "4711", "not_found"), (4711, "4711", "not_found"), (9, "r\n9", "unknown")):
            conn.execute("select app.refuse_message('imports SQS imports', %s, %s, %s, 'x')", [id, record, code])
    assert row is not None
    return int(row[0])


def handle(database: LocalDatabase, after: str) -> None:
    with psycopg.connect(database.admin_url) as conn:
        conn.execute(
            "insert into app.consumed_messages (consumer, message_id, consumed_at) "
            "values ('imports SQS imports', 'outbox/4711', now() + %s::interval)",
            [after],
        )


def test_refused_message_is_shown_and_exits_with_1(database: LocalDatabase, message: int) -> None:
    result = call(command="refused", url=database.service_url)

    known, forged = sorted(result.stdout.splitlines())
    assert result.exit_code == 1
    assert known.startswith(f"{message}, refused 2 times by imports SQS imports, last at ")
    assert known.endswith(": not_found: x")
    assert forged.startswith(r"record r\n9 of no message, refused 1 time by imports SQS imports, last at ")


def test_refused_messages_in_json(database: LocalDatabase, message: int) -> None:
    listed = json.loads(call("--json", command="refused", url=database.service_url).stdout)
    status = json.loads(call("--json", command="status", url=database.service_url).stdout)

    assert {(each["id"], each["attempts"], each["code"]) for each in listed} == {
        (message, 2, "not_found"),
        (0, 1, "unknown"),
    }
    assert status["refused"] == listed


def test_message_that_was_handled_later_is_not_shown(database: LocalDatabase, message: int) -> None:
    handle(database, "1 minute")

    assert [each.id for each in list_refusals(database.service_url)] == [0]


def test_copy_that_was_forged_after_the_message_was_handled_is_shown(database: LocalDatabase, message: int) -> None:
    handle(database, "-1 minute")

    assert {each.id for each in list_refusals(database.service_url)} == {0, message}


def test_forgotten_refusals_are_gone(database: LocalDatabase, message: int) -> None:
    result = call(str(message), command="forget", url=database.service_url)

    assert (result.exit_code, result.stdout) == (0, "1 refusal removed\n")
    assert [each.id for each in list_refusals(database.service_url)] == [0]
    assert forget(database.service_url, None) == 1
    assert call(command="refused", url=database.service_url).exit_code == 0


def test_unknown_message_changes_nothing(database: LocalDatabase, message: int) -> None:
    with pytest.raises(ToolError, match="there is no message that a consumer refused with the id 12; nothing was"):
        forget(database.service_url, [message, 12])

    assert len(list_refusals(database.service_url)) == 2


def test_forget_wants_either_messages_or_all() -> None:
    for arguments in ((), ("1", "--all")):
        result = call(*arguments, command="forget", url="postgresql://app_service@127.0.0.1:1/shop")
        assert (result.exit_code, "pass message ids, or --all" in result.stderr) == (2, True)


def test_requeue_says_that_a_message_has_left_the_outbox(database: LocalDatabase, message: int) -> None:
    result = call(str(message), command="requeue", url=database.service_url)

    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {message}: refused by a trigger, after the message had left the outbox")
    assert f"`org-common outbox forget {message}`" in result.stderr
