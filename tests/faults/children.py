"""Starting such processes, talking with them, and ending them."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.faults.child import ROOT, environment


class Child:
    """A running `tests.faults.child`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def ask(self, order: str) -> dict[str, Any]:
        assert self.process.stdin is not None
        print(order, file=self.process.stdin, flush=True)
        return self.answer()

    def answer(self) -> dict[str, Any]:
        """Its next line that is not a log line, as Lambda has them on stdout too."""
        assert self.process.stdout is not None
        while True:
            line = self.process.stdout.readline()
            assert line, "the process has ended; its errors stand above"
            answer: dict[str, Any] = json.loads(line)
            if "logger" not in answer:
                return answer

    def tell(self, signum: signal.Signals) -> None:
        os.kill(self.process.pid, signum)


@contextmanager
def child(url: str, *command: str, **environ: str) -> Iterator[Child]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.child", *command],
        cwd=ROOT,
        env=environment(url, **environ),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Child(process)
    finally:
        # Stopped, it would not notice either of the two.
        process.kill()
        with process:
            pass
