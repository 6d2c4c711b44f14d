"""What a page shows: files with their names, and commands with their output.

`…` stands for anything within a line; alone on a line, for any lines.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(
    r'^(?P<unrun><!-- not run: [^\n]+ -->\n)?```(?P<language>\w+)(?: title="(?P<title>[^"]+)")?\n(?P<text>.*?)^```$',
    re.MULTILINE | re.DOTALL,
)
_MARK = "\x1e"
_START_S = 60.0
_STOP_S = 20.0


@dataclass(frozen=True)
class Block:
    """One fenced block. `title` is the name of a file; `is_run` is false where the page says "not run: why"."""

    language: str
    title: str | None
    text: str
    is_run: bool


@dataclass(frozen=True)
class Command:
    """One line behind a `$`, and what it prints."""

    text: str
    output: str


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    return [
        Block(found["language"], found["title"], found["text"], found["unrun"] is None)
        for found in _FENCE.finditer(page.read_text())
    ]


def commands(text: str) -> list[Command]:
    """The commands of a block in the language `console`."""
    parts = re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]
    return [Command(*part.split("\n", 1)) for part in parts]


def run(shown: list[Command], folder: Path, environ: Mapping[str, str] | None = None) -> list[str]:
    """Run the commands in one shell; answers what each printed."""
    script = "\n".join(f"printf '{_MARK}'\n{command.text}" for command in shown)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env={**environment(), **(environ or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout.split(_MARK)[1:]


@contextmanager
def serving(command: str, folder: Path, shown: str) -> Iterator[None]:
    """Run a server for the length of a block. It is up when it has printed all the lines that are shown."""
    log = folder / "server.log"
    with (
        log.open("wb") as out,
        subprocess.Popen(command.split(), cwd=folder, env=environment(), stdout=out, stderr=out) as server,
    ):
        try:
            _wait(server, log, [line for line in shown.splitlines() if line])
            yield
        finally:
            server.send_signal(signal.SIGINT)
            try:
                server.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                server.kill()
                raise


def _wait(server: subprocess.Popen[bytes], log: Path, lines: list[str]) -> None:
    # In this order, with whatever else a server says between them.
    pattern = re.compile("(?s:.*)".join(f"^{_pattern(line)}$" for line in lines), re.MULTILINE)
    until = time.monotonic() + _START_S
    while not pattern.search(log.read_text()):
        assert server.poll() is None, log.read_text()
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.05)


def matches(printed: str, shown: str) -> bool:
    """What was printed is what is shown; space around it does not count."""
    return re.fullmatch(_pattern(shown.strip()), printed.strip()) is not None


def _pattern(shown: str) -> str:
    lines = ["(?s:.*)" if line == "…" else re.escape(line).replace("…", ".*") for line in shown.splitlines()]
    return "\n".join(lines)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment() -> dict[str, str]:
    """That of a reader, whose shell has his `.venv` switched on and knows nothing of this test."""
    ours = ("DATABASE_", "ORG_COMMON_", "PYTEST_", "APP_MIGRATOR_", "NOX_", "CI")
    env = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return env | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}", "COLUMNS": "80"}
