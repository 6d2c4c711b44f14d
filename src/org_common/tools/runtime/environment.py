"""Runs a Lambda environment: one process of AWS's runtime client."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Self

from org_common.tools.project.project import ToolError
from org_common.tools.runtime.api import EnvironmentFailed, Invocation, RuntimeApi

STARTING_S = 60.0
ON_DEMAND, PROVISIONED, SNAP_START = "on-demand", "provisioned-concurrency", "snap-start"


@dataclass(frozen=True)
class Function:
    """A function to run. Of this process's environment it inherits only PATH."""

    handler: str
    """As configured in Lambda: "shop.orders.app"."""
    path: Sequence[Path] = ()
    """Folders to import from, in order. The first is also the working folder."""
    python: Path = Path(sys.executable)
    """The interpreter."""
    options: Sequence[str] = ()
    """Options of the interpreter."""
    program: Sequence[str] = ("-m", "awslambdaric")
    """What the interpreter runs."""
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    """Environment variables, in addition to those that Lambda sets."""
    memory_mb: int = 512
    initialization: str = ON_DEMAND
    """`ON_DEMAND`, `PROVISIONED` or `SNAP_START`."""
    command: Sequence[str] = ()
    """A command that runs the interpreter, such as `unshare`."""

    def environ(self, address: str) -> dict[str, str]:
        """The environment variables of the process; `address` is that of the Runtime API."""
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "AWS_LAMBDA_RUNTIME_API": address,
            "AWS_LAMBDA_FUNCTION_NAME": "local",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self.memory_mb),
            "AWS_LAMBDA_INITIALIZATION_TYPE": self.initialization,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_python{version}",
            "AWS_REGION": "eu-central-1",
            # A local function gets its secrets from a test or a developer, not from AWS.
            "ORG_COMMON_ALLOW_PLAIN_SECRETS": "1",
            "LAMBDA_TASK_ROOT": str(self.path[0]) if self.path else str(Path.cwd()),
            "PYTHONPATH": os.pathsep.join(map(str, self.path)),
            **self.variables,
        }


class Environment:
    """A running function, as a context manager: it starts at the beginning of the block and ends with it.

    `init_s` is the time from process start to the first request for an invocation (or for a restore). It is not AWS's
    figure, which also includes starting the microVM and downloading the code; use it for ratios between versions.
    """

    def __init__(self, function: Function) -> None:
        self.function = function
        self.init_s: float = 0.0
        self.started_s: float = 0.0
        self.restored_s: float = 0.0
        self._api = RuntimeApi()
        self._output: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process id of the runtime client."""
        assert self._process is not None
        return self._process.pid

    def __enter__(self) -> Self:
        self._api.__enter__()
        try:
            self._start()
            wait = (
                self._api.wait_for_snapshot
                if self.function.initialization == SNAP_START
                else self._api.wait_until_ready
            )
            self.init_s = wait(STARTING_S) - self.started_s
        except BaseException as error:
            self._stop()
            if isinstance(error, EnvironmentFailed):
                raise EnvironmentFailed(f"{error}\n{self._closed_output()}".rstrip()) from None
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop()
        self._output.close()

    def invoke(self, event: Any, *, timeout_s: float = 30.0) -> Invocation:
        """Send an event; `EnvironmentFailed` if the process ends, or does not respond in time."""
        return self._api.invoke(event, timeout_s=timeout_s)

    def begin(self, event: Any, *, timeout_s: float = 30.0) -> Invocation:
        """Send an event, without waiting for the response: `invocation.stream` is it as it arrives."""
        return self._api.begin(event, timeout_s=timeout_s)

    def restore(self) -> float:
        """Restore from the snapshot. Returns how many seconds the hooks took."""
        start = time.monotonic()
        self._api.restore()
        self.restored_s = self._api.wait_until_ready(STARTING_S) - start
        return self.restored_s

    def output(self) -> str:
        """The function's output so far, stdout and stderr."""
        self._output.seek(0)
        return self._output.read().decode(errors="replace")

    def peak_mb(self) -> float:
        """The most memory that the process has had resident so far, in megabytes; 0 on other systems than Linux."""
        try:
            status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        except OSError:
            return 0.0
        # "VmHWM:	   49312 kB", proc_pid_status(5).
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")) * 1024 / 1e6

    def _start(self) -> None:
        function = self.function
        command = [*function.command, str(function.python), *function.options, *function.program, function.handler]
        if function.program[:1] == ("-m",) and not _has_client():
            raise ToolError("AWS's runtime client is not installed: pip install awslambdaric (Linux only)")
        self.started_s = time.monotonic()
        self._process = subprocess.Popen(
            command,
            env=function.environ(self._api.address),
            # As in Lambda: `python -m` puts the working folder on the path.
            cwd=function.path[0] if function.path else None,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            # A process group of its own: with AWS_LAMBDA_MAX_CONCURRENCY the client forks workers that outlive it.
            start_new_session=True,
        )
        threading.Thread(target=self._watch, args=(self._process,), daemon=True).start()

    def _watch(self, process: subprocess.Popen[bytes]) -> None:
        code = process.wait()
        self._api.fail(f"the function's process exited with status {code}")

    def _stop(self) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._api.__exit__()

    def _closed_output(self) -> str:
        text = self.output()
        self._output.close()
        return text


def _has_client() -> bool:
    from importlib.util import find_spec

    return find_spec("awslambdaric") is not None
