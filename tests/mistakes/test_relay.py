"""Mistakes with `org-common outbox relay`, and its end."""

import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from org_common.tools.database.local import LocalDatabase
from tests.docs.console import environment
from tests.mistakes.graded import Case, check

pytestmark = pytest.mark.db

COMMAND = str(Path(sys.executable).with_name("org-common"))
SINK = """\
class Sink:
    def deliver(self, messages):
        raise ConnectionError("queue full")


class Printer:
    def deliver(self, messages):
        print(len(messages), flush=True)


bad, sink = Sink(), Printer()
"""
LOGIN = Case(65, "login", "app_login may not read the outbox", "app_login", "use the URL of app_service")
RAISES = Case(
    65, "raises", "ConnectionError: queue full", "shop.py:3", "Its messages stay in the outbox: run the relay again"
)
# No error: it ends after its batch, and says what it has done.
STOPPED = Case(75, "Ctrl-C", "1 message delivered", "", "")
CASES = [LOGIN, RAISES, STOPPED]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text("[tool.org-common]\n")
    (tmp_path / "shop.py").write_text(SINK)
    return tmp_path


def arguments(url: str, sink: str, *more: str) -> list[str]:
    return [COMMAND, "outbox", "relay", "--url", url, "--sink", sink, *more]


def send(database: LocalDatabase) -> None:
    with psycopg.connect(database.login_url) as conn:
        conn.execute("set local role app_sys")
        conn.execute("select app.send('mail', null, '{}')")


def relay(shop: Path, url: str, sink: str) -> str:
    done = subprocess.run(
        arguments(url, sink), cwd=shop, env=environment(), capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, "Traceback" in done.stderr) == (1, False), done.stderr
    return done.stderr


def test_wrong_login_is_one_line(shop: Path, database: LocalDatabase) -> None:
    check(LOGIN, relay(shop, database.login_url, "shop:sink"))


def test_sink_that_raises_is_one_line_with_its_place(shop: Path, database: LocalDatabase) -> None:
    send(database)

    check(RAISES, relay(shop, database.service_url, "shop:bad"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_it_well(shop: Path, database: LocalDatabase, number: signal.Signals) -> None:
    send(database)
    running = subprocess.Popen(
        arguments(database.service_url, "shop:sink", "--follow"),
        cwd=shop,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stdout is not None
    assert running.stdout.readline() == "1\n"

    running.send_signal(number)
    output, errors = running.communicate(timeout=60)

    assert (running.returncode, errors) == (0, "")
    check(STOPPED, output)
