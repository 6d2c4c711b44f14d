"""Many processes that are forked from one which has imported everything, as a Lambda environment begins.

A program of the soak runs as a process of its own, takes its job as JSON on standard input and answers with JSON. It
has one thread and no connection when it forks, and its children end with it, however it ends.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
_PR_SET_PDEATHSIG = 1


def run_program(module: str, job: dict[str, Any], *, timeout_s: float) -> dict[str, Any]:
    """What the program `module` answers to the job."""
    ended = subprocess.run(
        [sys.executable, "-m", module],
        input=json.dumps(job),
        capture_output=True,
        cwd=ROOT,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-4000:]
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def answer(work: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """The program's side."""
    print(json.dumps(work(json.load(sys.stdin))))


# The parent's ends.
_lines: set[socket.socket] = set()


class Child:
    """A forked process and a line to it."""

    def __init__(self, work: Callable[[socket.socket], None]) -> None:
        ours, theirs = socket.socketpair()
        parent = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            for line in (ours, *_lines):
                # Held in here as well it would never end for the others.
                line.close()
            _live(work, theirs, parent)
        theirs.close()
        self.line = ours
        _lines.add(ours)

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        self.reap()

    def reap(self) -> int:
        """Wait for its end; answers how it ended, as `os.waitstatus_to_exitcode`."""
        _lines.discard(self.line)
        self.line.close()
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def _live(work: Callable[[socket.socket], None], line: socket.socket, parent: int) -> None:
    code = 1
    try:
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == parent:
            work(line)
            code = 0
    except BaseException as error:  # noqa: BLE001 - nothing of the parent's may run in here
        print(f"child: {error!r}", file=sys.stderr, flush=True)
    finally:
        os._exit(code)
