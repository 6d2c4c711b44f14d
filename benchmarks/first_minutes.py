"""From an empty folder to the first authorized row, and to a table of one's own with passing tests.

`python benchmarks/first_minutes.py` prints seconds and lines typed. Installing packages does not count.
"""

from __future__ import annotations

import json
import os
import resource
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

BUDGETS = {"first authorized row": 10.0, "own table with passing tests": 60.0, "lines typed": 12.0}
PATIENCE_S = 120.0
ORG_COMMON = str(Path(sys.executable).with_name("org-common"))


class Keyboard:
    """What someone types: each line is counted."""

    def __init__(self, folder: Path) -> None:
        self.folder: Path = folder
        """The current folder."""
        self.lines: list[str] = []
        """The lines so far."""

    def type(self, line: str) -> str:
        """Run a line and return what it prints. Raises `CalledProcessError` if it fails."""
        self.lines.append(line)
        if line.startswith("cd "):
            self.folder /= line.removeprefix("cd ")
            return ""
        return subprocess.run(self._command(line), cwd=self.folder, capture_output=True, text=True, check=True).stdout

    def start(self, line: str) -> subprocess.Popen[bytes]:
        """Start a server in a terminal of its own."""
        self.lines.append(line)
        return subprocess.Popen(
            self._command(line), cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def _command(self, line: str) -> list[str]:
        program, *arguments = shlex.split(line)
        return [ORG_COMMON, *arguments] if program == "org-common" else [sys.executable, "-m", program, *arguments]


def first_row(keyboard: Keyboard, port: int) -> float:
    """Seconds from an empty folder until a member has read the row that another one wrote."""
    began_s = time.monotonic()
    keyboard.type("org-common new help-desk")
    keyboard.type("cd help-desk")
    server = keyboard.start(f"org-common dev --port {port}")
    try:
        until_s = began_s + PATIENCE_S
        while not is_open(port):
            if server.poll() is not None or time.monotonic() > until_s:
                raise SystemExit("the local server did not start")
            time.sleep(0.02)
        notes = f"http://127.0.0.1:{port}/orgs/0198a000-0000-7000-8000-00000000ac3e/notes"
        alice, carol = (keyboard.type(f"org-common token {name}").strip() for name in ("alice", "carol"))
        keyboard.lines += [f"curl -H 'Authorization: Bearer $ALICE' -d ... {notes}", "curl ..."]
        call(notes, alice, {"title": "Printer is on fire"})
        assert [item["title"] for item in call(notes, carol)["items"]] == ["Printer is on fire"]
        return time.monotonic() - began_s
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(PATIENCE_S)


def own_table(keyboard: Keyboard) -> float:
    """Seconds until a table with fields of one's own is written and its tests as two tenants pass."""
    began_s = time.monotonic()
    keyboard.type("org-common add table tickets subject:text priority:int due_on:date?")
    printed = keyboard.type("pytest -q tests/test_tickets.py")
    assert "passed" in printed, printed
    return time.monotonic() - began_s


def call(url: str, token: str, body: dict[str, str] | None = None) -> Any:
    """Send a request and return its JSON."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = Request(url, data, headers)  # noqa: S310 -- on loopback
    try:
        with urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310 -- as above
            return json.loads(answer.read())
    except URLError as error:
        raise SystemExit(f"{url}: {error}") from error


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def main() -> None:
    """Print each figure next to its budget."""
    with tempfile.TemporaryDirectory(prefix="first-minutes-") as made:
        # Where this runs as root, PostgreSQL does not.
        Path(made).chmod(0o711)
        keyboard = Keyboard(Path(made))
        figures = {"first authorized row": first_row(keyboard, free_port())}
        figures["own table with passing tests"] = figures["first authorized row"] + own_table(keyboard)
        figures["lines typed"] = len(keyboard.lines)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    for name, figure in figures.items():
        unit = "" if name == "lines typed" else " s"
        print(f"{name:30} {figure:5.1f}{unit}  (budget {BUDGETS[name]:g}{unit})")
    busy, cores = os.getloadavg()[0], os.cpu_count()
    print(f"{used.ru_utime + used.ru_stime:.1f} s of processor time; the load is {busy:.1f} on {cores} processors")
    print("\n".join(["", *keyboard.lines]))


if __name__ == "__main__":
    main()
