"""`org-common outbox`: delivery of messages, and the errors when it fails."""

import json
import os
import re
import signal
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import psycopg
import pytest
from click.testing import CliRunner, Result

from org_common.db.relay import Message, MessageRefused
from org_common.tools.cli import main
from org_common.tools.database.local import LocalDatabase
from org_common.tools.database.relay import run
from org_common.tools.project.project import ToolError

UNREACHABLE = "postgresql://app_service:s3cret@127.0.0.1:1/shop"
SINK = """
class Printer:
    def deliver(self, messages):
        print([message.message["n"] for message in messages])

sink = Printer()
"""


class Enough(BaseException):
    """The sink has what its test waits for: it ends the relay, which survives each exception of a sink."""


class Collector:
    """A sink; `on_delivery` is called with the number of the delivery, from 1, after it was collected."""

    def __init__(self) -> None:
        self.deliveries: list[list[int]] = []
        self.ids: list[list[int]] = []
        self.on_delivery: Callable[[int], None] = lambda number: None

    def deliver(self, messages: Sequence[Message]) -> None:
        self.deliveries.append([message.message["n"] for message in messages])
        self.ids.append([message.id for message in messages])
        self.on_delivery(len(self.deliveries))


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Collector:
    """The object at `shop_queues:sink`; `shop_queues:text` is not a sink."""
    module, collector = ModuleType("shop_queues"), Collector()
    vars(module).update(sink=collector, text="https://sqs.example.com")
    monkeypatch.setitem(sys.modules, "shop_queues", module)
    return collector


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the module shop_printer in `src`; the working directory is a folder in it."""
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "shop_printer.py").write_text(SINK)
    monkeypatch.setattr("sys.path", sys.path.copy())
    monkeypatch.delitem(sys.modules, "shop_printer", raising=False)
    monkeypatch.chdir(tmp_path / "src")
    return tmp_path


def send(database: LocalDatabase, *numbers: int, key: str | None = None) -> None:
    with psycopg.connect(database.login_url) as conn:
        conn.execute("set local role app_sys")
        for number in numbers:
            conn.execute("select app.send('mail', %s, jsonb_build_object('n', %s::int))", [key, number])


def left(database: LocalDatabase) -> int:
    with psycopg.connect(database.service_url) as conn:
        return len(conn.execute("select id from app.outbox").fetchall())


def call(*arguments: str, url: str | None, command: str = "relay") -> Result:
    env = {"ORG_COMMON_SERVICE_DATABASE_URL": url}
    return CliRunner().invoke(main, ["outbox", command, *arguments], env=env, catch_exceptions=False)


# --- tool -------------------------------------------------------------------------------------


@pytest.mark.db
def test_messages_are_handed_over_in_order_and_taken_out(database: LocalDatabase, collector: Collector) -> None:
    send(database, 1, 2, 3)

    assert run(database.service_url, "shop_queues:sink", follow=False) == 3

    assert collector.deliveries == [[1, 2, 3]]
    assert left(database) == 0


@pytest.mark.db
def test_empty_outbox_bothers_no_sink(database: LocalDatabase, collector: Collector) -> None:
    assert run(database.service_url, "shop_queues:sink", follow=False) == 0

    assert collector.deliveries == []


@pytest.mark.db
def test_error_of_the_sink_is_reported_and_keeps_the_messages(database: LocalDatabase, collector: Collector) -> None:
    def fail(number: int) -> None:
        raise ConnectionError("queue full")

    send(database, 1, 2)
    collector.on_delivery = fail

    with pytest.raises(ToolError, match=r"test_relay.py:\d+: ConnectionError: queue full. Its messages stay"):
        run(database.service_url, "shop_queues:sink", follow=False)

    assert left(database) == 2


@pytest.mark.db
def test_follow_goes_on_with_what_comes_later(database: LocalDatabase, collector: Collector) -> None:
    def send_once_more(number: int) -> None:
        if number == 2:
            raise Enough
        send(database, 2)

    send(database, 1)
    collector.on_delivery = send_once_more

    with pytest.raises(Enough):
        run(database.service_url, "shop_queues:sink", follow=True)

    assert collector.deliveries == [[1], [2]]


@pytest.mark.db
def test_sigterm_ends_following_after_the_batch(database: LocalDatabase, collector: Collector) -> None:
    send(database, 1, 2)
    collector.on_delivery = lambda number: os.kill(os.getpid(), signal.SIGTERM)
    before = signal.getsignal(signal.SIGTERM)

    assert run(database.service_url, "shop_queues:sink", follow=True) == 2

    assert left(database) == 0
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(
    "sink", ["nowhere_stub:sink", "shop_queues:nothing", "shop_queues", "shop_queues:", ":sink", ""]
)
def test_sink_that_cannot_be_loaded_is_named(collector: Collector, sink: str) -> None:
    with pytest.raises(ToolError, match=rf"^the sink {sink} cannot be loaded: "):
        run(UNREACHABLE, sink, follow=False)


def test_sink_that_takes_no_messages_is_refused(collector: Collector) -> None:
    with pytest.raises(
        ToolError, match=r"^the sink shop_queues:text needs a method deliver\(messages\), and str has none: add it$"
    ):
        run(UNREACHABLE, "shop_queues:text", follow=False)


@pytest.mark.parametrize("follow", [False, True])
def test_server_that_is_down_is_reported_without_the_password(collector: Collector, follow: bool) -> None:
    with pytest.raises(ToolError, match="^the outbox cannot be reached: .*refused") as caught:
        run(UNREACHABLE, "shop_queues:sink", follow=follow)

    assert "s3cret" not in str(caught.value)


@pytest.mark.db
def test_wrong_password_is_not_shown(database: LocalDatabase, collector: Collector) -> None:
    _, _, place = database.service_url.rpartition("@")

    with pytest.raises(ToolError, match="^the outbox cannot be reached: .*authentication failed") as caught:
        run(f"postgresql://app_service:s3cret@{place}", "shop_queues:sink", follow=False)

    assert "s3cret" not in str(caught.value)


# --- command ----------------------------------------------------------------------------------


@pytest.mark.db
def test_command_finds_the_sink_of_the_project(database: LocalDatabase, project: Path) -> None:
    send(database, 1, 2)

    first = call("--sink", "shop_printer:sink", url=database.service_url)
    second = call("--sink", "shop_printer:sink", url=database.service_url)

    assert (first.exit_code, first.output) == (0, "[1, 2]\n2 messages delivered\n")
    assert (second.exit_code, second.output) == (0, "0 messages delivered\n")


@pytest.mark.parametrize(
    ("sink", "message"),
    [
        ("nowhere_stub:sink", "Error: the sink nowhere_stub:sink cannot be loaded"),
        ("shop_printer:SINK", "Error: the sink shop_printer:SINK cannot be loaded"),
        ("sys:path", "Error: the sink sys:path needs a method deliver(messages)"),
        ("shop_printer:sink", "Error: ORG_COMMON_SERVICE_DATABASE_URL: the outbox cannot be reached"),
    ],
)
def test_command_reports_in_one_line_what_is_wrong(project: Path, sink: str, message: str) -> None:
    result = call("--sink", sink, url=UNREACHABLE)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(message)
    assert "s3cret" not in result.output


def test_command_without_a_url_names_its_variable(project: Path) -> None:
    result = call("--sink", "shop_printer:sink", url=None)

    assert result.exit_code == 2
    assert "ORG_COMMON_SERVICE_DATABASE_URL" in result.stderr


def test_command_without_a_sink_reports_so(project: Path) -> None:
    result = call(url=UNREACHABLE)

    assert result.exit_code == 2
    assert "'--sink'" in result.stderr


# --- messages that were refused ---------------------------------------------------------------


@pytest.fixture
def parked(database: LocalDatabase, collector: Collector) -> int:
    """The number of a message that was refused for good; another of its key waits behind it."""

    def refuse_1(number: int) -> None:
        if 1 in collector.deliveries[-1]:
            raise MessageRefused("too large", min(collector.ids[-1]))

    collector.on_delivery = refuse_1
    send(database, 1, 2, key="k")
    send(database, 3)
    run(database.service_url, "shop_queues:sink", follow=False)
    collector.on_delivery = lambda number: None
    with psycopg.connect(database.service_url) as conn:
        row = conn.execute("select min(id) from app.outbox").fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.db
def test_parked_message_is_shown_and_exits_with_1(database: LocalDatabase, parked: int) -> None:
    result = call(command="refused", url=database.service_url)

    with psycopg.connect(database.service_url) as conn:
        (key,) = conn.execute("select key from app.outbox where id = %s", [parked]).fetchone() or ("",)
    assert key.endswith("/k")
    assert result.exit_code == 1
    assert result.stdout == (
        f"{parked} mail, key {key}, 1 waiting behind it, refused 1 time, parked: MessageRefused: too large\n"
    )


@pytest.mark.db
def test_key_and_reason_cannot_drive_the_terminal(database: LocalDatabase, collector: Collector) -> None:
    def refuse(number: int) -> None:
        raise MessageRefused("\x1b[2Jtoo\nlarge\u202e", min(collector.ids[-1]))

    collector.on_delivery = refuse
    send(database, 1, key="k\x1b]0;title\x07\n1 mail")
    run(database.service_url, "shop_queues:sink", follow=False)

    shown = call(command="refused", url=database.service_url).stdout

    assert len(shown.splitlines()) == 1
    assert shown.rstrip("\n").isprintable()
    assert r"/k\x1b]0;title\x07\n1 mail," in shown


@pytest.mark.db
def test_where_nothing_was_refused_it_reports_so(database: LocalDatabase) -> None:
    result = call(command="refused", url=database.service_url)

    assert result.exit_code == 0
    assert result.stdout == "no refused messages; `org-common outbox status` counts those that wait\n"


@pytest.mark.db
@pytest.mark.parametrize("all_of_them", [False, True])
def test_requeued_message_goes_again_in_front_of_its_key(
    database: LocalDatabase, collector: Collector, parked: int, all_of_them: bool
) -> None:
    result = call("--all" if all_of_them else str(parked), command="requeue", url=database.service_url)
    run(database.service_url, "shop_queues:sink", follow=False)

    assert (result.exit_code, result.stdout) == (0, "1 message requeued\n")
    assert collector.deliveries[-1] == [1, 2]
    assert left(database) == 0


@pytest.mark.db
def test_discarded_message_is_gone_and_its_key_goes_on(
    database: LocalDatabase, collector: Collector, parked: int
) -> None:
    result = call(str(parked), command="discard", url=database.service_url)
    run(database.service_url, "shop_queues:sink", follow=False)

    assert (result.exit_code, result.stdout) == (0, "1 message deleted\n")
    assert collector.deliveries[-1] == [2]


@pytest.mark.db
@pytest.mark.parametrize(("command", "what"), [("discard", "message"), ("requeue", "refused message")])
def test_message_that_is_not_there_is_named_and_the_others_stay(
    database: LocalDatabase, parked: int, command: str, what: str
) -> None:
    result = call(str(parked), "999999", command=command, url=database.service_url)
    after = call(command="refused", url=database.service_url)

    assert (result.exit_code, result.stderr) == (
        1,
        f"Error: there is no {what} with the id 999999; nothing was changed\n",
    )
    assert after.stdout.startswith(f"{parked} mail")


@pytest.mark.parametrize("arguments", [(), ("1", "--all")])
def test_requeue_wants_either_messages_or_all(arguments: tuple[str, ...]) -> None:
    result = call(*arguments, command="requeue", url=UNREACHABLE)

    assert result.exit_code == 2
    assert "pass message ids, or --all" in result.stderr


@pytest.mark.parametrize(
    ("command", "arguments"), [("status", ()), ("refused", ()), ("requeue", ("1",)), ("discard", ("1",))]
)
def test_each_reports_in_one_line_that_the_server_is_down(command: str, arguments: tuple[str, ...]) -> None:
    result = call(*arguments, command=command, url=UNREACHABLE)

    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ORG_COMMON_SERVICE_DATABASE_URL: the outbox cannot be reached")
    assert "s3cret" not in result.output


# --- status -----------------------------------------------------------------------------------


@pytest.mark.db
def test_status_shows_each_queue_and_what_was_refused(database: LocalDatabase, parked: int) -> None:
    with psycopg.connect(database.login_url) as conn:
        conn.execute("set local role app_sys")
        conn.execute("select app.send('sms', null, '{}')")

    result = call(command="status", url=database.service_url)

    mail, sms, line = result.stdout.splitlines()
    assert result.exit_code == 0
    assert re.fullmatch(
        r"mail: 1 waiting, lag \d+ s, oldest from [-0-9]{10} [:0-9]{8}[+-]\d{4}, 0 refused, 1 parked", mail
    )
    assert re.fullmatch(r"sms: 1 waiting, lag \d+ s, oldest from .*, 0 refused, 0 parked", sms)
    assert line.startswith(f"{parked} mail, key ")
    assert line.endswith("parked: MessageRefused: too large")


@pytest.mark.db
def test_status_as_json(database: LocalDatabase, parked: int) -> None:
    found = json.loads(call("--json", command="status", url=database.service_url).stdout)

    [queue], [message] = found["queues"], found["refused"]
    assert (queue["queue"], queue["waiting"], queue["refused"], queue["parked"]) == ("mail", 1, 0, 1)
    assert queue["lag_s"] >= 0
    assert datetime.fromisoformat(queue["oldest"]) <= datetime.now(UTC)
    assert (message["id"], message["waiting"], message["reason"]) == (parked, 1, "MessageRefused: too large")
    assert datetime.fromisoformat(message["parked_at"]) <= datetime.now(UTC)


@pytest.mark.db
def test_status_of_an_empty_outbox(database: LocalDatabase) -> None:
    assert call(command="status", url=database.service_url).stdout == "the outbox is empty\n"
    assert json.loads(call("--json", command="status", url=database.service_url).stdout) == {
        "queues": [],
        "refused": [],
    }


@pytest.mark.db
def test_refused_as_json_exits_with_1_for_a_parked_message(database: LocalDatabase, parked: int) -> None:
    result = call("--json", command="refused", url=database.service_url)

    assert result.exit_code == 1
    assert [message["id"] for message in json.loads(result.stdout)] == [parked]
