"""Mistakes with `org-common dev`: its terminal says what, where and what to do, and nothing stays behind."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from org_common.tools.database.local import LocalDatabase
from tests.docs.console import environment
from tests.mistakes.graded import Case, check

pytestmark = pytest.mark.db

COMMAND = str(Path(sys.executable).with_name("org-common"))
PATIENCE_S = 60.0
SHOP = """\
from org_common import PUBLIC, App, Reader

app = App("shop")


@app.get("/a", allow=PUBLIC)
def get_a(db: Reader) -> str:
    return db.value("select 'a'::text")
"""
PROJECT = '[tool.org-common]\napps = ["shop:app"]\nmigrations = ["shop=migrations"]\n'
MIGRATION = "create schema shop;\n"
SEED = 'PEOPLE = ("alice",)\nEXAMPLE = ("alice", "/a")\n\n\ndef seed(admin_url, issuer):\n    raise KeyError("acme")\n'

PORT = Case(71, "port in use", "is in use", "of 127.0.0.1", "choose another one with --port")
SECOND = Case(72, "second dev", "is in use by the PostgreSQL server with process id", "the data", "Stop it (kill -INT")
KILLED = Case(73, "kill -9", "Starting PostgreSQL", "the data", "/docs")
CTRL_C = Case(74, "Ctrl-C", "Started reloader process", "Stopping reloader process", "Press CTRL+C to quit")
SYNTAX = Case(76, "syntax error", "SyntaxError: '(' was never closed", "shop.py:9", "'(' was never closed")
FILES = Case(77, "foreign folder", "is not empty and not an org-common data folder", "/other", "Choose a new or empty")
SEEDS = Case(58, "seed raises", "KeyError: 'acme'", "people.py:6", "'acme'")
PASSWORD = Case(
    61, "password", "password authentication failed", "DATABASE_URL: cannot connect as postgres", "password"
)
POWERLESS = Case(62, "no superuser", "app_migrator is not a superuser", "of the server 127", "use the URL of a")
EDITED = Case(
    57, "edited, in dev", "was changed after it was applied", "0001_shop.sql", "`org-common dev --fresh --data"
)
CASES = [PORT, SECOND, KILLED, CTRL_C, SYNTAX, FILES, SEEDS, PASSWORD, POWERLESS, EDITED]


class Dev:
    """`org-common dev` in a process group of its own, as a terminal runs it."""

    def __init__(self, folder: Path, data: Path, *options: str) -> None:
        self._output = data.with_name("output")
        command = [COMMAND, "dev", "--port", "0", "--data", str(data), *options]
        command[3] = str(free_port())
        with self._output.open("w") as output:
            self.process = subprocess.Popen(
                command, cwd=folder, env=environment(), stdout=output, stderr=output, process_group=0
            )

    def says(self, words: str) -> bool:
        """Wait until the terminal has these words."""
        return eventually(lambda: words in self.output or self.process.poll() is not None) and words in self.output

    @property
    def output(self) -> str:
        return self._output.read_text()

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        if self.process.poll() is None:
            os.killpg(self.process.pid, number)
        return self.process.wait(PATIENCE_S)


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        found: int = probe.getsockname()[1]
    return found


def dev(folder: Path, *options: str, **environ: str) -> str:
    """A `dev` that ends at once, with one message."""
    done = subprocess.run(
        [COMMAND, "dev", *options],
        cwd=folder,
        env={**environment(), **environ},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    message = done.stdout + done.stderr
    assert (done.returncode, "Traceback" in message) == (1, False), message
    return message


@pytest.fixture
def shop() -> Iterator[Path]:
    """In /tmp: pytest's own folders are closed to the server's user."""
    folder = Path(tempfile.mkdtemp(prefix="test-mistakes-"))
    folder.chmod(0o755)
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "shop.py").write_text(SHOP)
    (folder / "migrations").mkdir()
    (folder / "migrations" / "0001_shop.sql").write_text(MIGRATION)
    yield folder
    shutil.rmtree(folder)


def test_what_happens_while_dev_runs(shop: Path) -> None:
    """One server for all that leaves it running, then it is killed, started again and interrupted."""
    data = shop / "the data"
    first = Dev(shop, data)
    try:
        assert first.says("/docs"), first.output

        check(SECOND, dev(shop, "--data", str(data), "--port", str(free_port())))

        (shop / "shop.py").write_text(SHOP + "f(\n")
        assert first.says("SyntaxError"), first.output
        check(SYNTAX, first.output)
        (shop / "shop.py").write_text(SHOP)

        (shop / "migrations" / "0001_shop.sql").write_text(MIGRATION + "-- edited\n")
        assert first.says("To start over without the data"), first.output
        check(EDITED, first.output)
    finally:
        first.end(signal.SIGKILL)

    second = Dev(shop, data, "--fresh")
    try:
        assert second.says("/docs"), second.output
        check(KILLED, second.output)
    finally:
        status = second.end()
    assert status == 0
    check(CTRL_C, second.output)
    assert "Traceback" not in second.output


def test_port_that_is_taken_is_named(shop: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        message = dev(shop, "--data", str(shop / "port"), "--port", str(taken.getsockname()[1]))

    check(PORT, message)


def test_folder_of_something_else_is_left_alone(shop: Path) -> None:
    (shop / "other" / "postgres").mkdir(parents=True)
    (shop / "other" / "postgres" / "mine.txt").touch()

    check(FILES, dev(shop, "--data", str(shop / "other"), "--port", str(free_port())))


def test_seed_that_raises_is_named_by_its_line(shop: Path, postgres: str) -> None:
    with psycopg.connect(postgres, autocommit=True) as admin:
        admin.execute("drop database if exists dev")
    (shop / "pyproject.toml").write_text(PROJECT + 'demo = "people"\n')
    (shop / "people.py").write_text(SEED)

    check(SEEDS, dev(shop, "--port", str(free_port()), DATABASE_URL=postgres))


def test_wrong_urls_of_the_server_are_named(shop: Path, postgres: str, database_template: LocalDatabase) -> None:
    wrong = re.sub("://.*?@", "://postgres:wrong@", postgres)

    message = dev(shop, "--port", str(free_port()), DATABASE_URL=wrong)

    check(PASSWORD, message)
    assert "wrong" not in message
    check(POWERLESS, dev(shop, "--port", str(free_port()), DATABASE_URL=database_template.migrator_url))


def test_fresh_is_for_the_embedded_server(shop: Path, postgres: str) -> None:
    message = dev(shop, "--fresh", "--port", str(free_port()), DATABASE_URL=postgres)

    assert "--fresh is for the embedded server: unset DATABASE_URL, or drop the database dev" in message
