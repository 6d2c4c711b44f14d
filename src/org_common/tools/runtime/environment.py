"""One Lambda environment: a process of AWS's runtime client, from its start to its end."""

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
    """What to run. `handler` as Lambda has it, "shop.orders.app"; `path` is where its modules are, first things first.

    `python` and its `options` start the interpreter; the environment's `variables` come on top of what Lambda sets,
    and nothing of this process's own environment is passed on but PATH.
    """

    handler: str
    path: Sequence[Path] = ()
    python: Path = Path(sys.executable)
    options: Sequence[str] = ()
    program: Sequence[str] = ("-m", "awslambdaric")
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    memory_mb: int = 512
    initialization: str = ON_DEMAND
    command: Sequence[str] = ()
    """Put in front of it all: `unshare`, for example."""

    def environ(self, address: str) -> dict[str, str]:
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
            # What runs here takes its secrets from a test's or a developer's hands, not from AWS.
            "ORG_COMMON_ALLOW_PLAIN_SECRETS": "1",
            "LAMBDA_TASK_ROOT": str(self.path[0]) if self.path else str(Path.cwd()),
            "PYTHONPATH": os.pathsep.join(map(str, self.path)),
            **self.variables,
        }


class Environment:
    """A running function. `init_s` is from the start of its process to its first asking for work (or for a restore).

    Not AWS's figure: the microVM and the download of the code are not in it. As a ratio it tells what a change does.
    """

    def __init__(self, function: Function) -> None:
        """Use it as a context manager: it is started there, and ends there with all its children."""
        self.function = function
        self.init_s = 0.0
        self.started_s = 0.0
        self.restored_s = 0.0
        self._api = RuntimeApi()
        self._output: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
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
        """One event; `EnvironmentFailed` if the function ends instead of answering."""
        return self._api.invoke(event, timeout_s=timeout_s)

    def restore(self) -> float:
        """Come back from the snapshot; answers the seconds that the hooks took."""
        start = time.monotonic()
        self._api.restore()
        self.restored_s = self._api.wait_until_ready(STARTING_S) - start
        return self.restored_s

    def output(self) -> str:
        """What the function has written so far, logs and errors."""
        self._output.seek(0)
        return self._output.read().decode(errors="replace")

    def _start(self) -> None:
        function = self.function
        command = [*function.command, str(function.python), *function.options, *function.program, function.handler]
        if function.program[:1] == ("-m",) and not _has_client():
            raise ToolError("AWS's runtime client is not here: pip install \"awslambdaric; sys_platform == 'linux'\"")
        self.started_s = time.monotonic()
        self._process = subprocess.Popen(
            command,
            env=function.environ(self._api.address),
            # As on Lambda: `python -m` puts the working folder on the path.
            cwd=function.path[0] if function.path else None,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            # A group of its own: with AWS_LAMBDA_MAX_CONCURRENCY the client forks, and its workers outlive it.
            start_new_session=True,
        )
        threading.Thread(target=self._watch, args=(self._process,), daemon=True).start()

    def _watch(self, process: subprocess.Popen[bytes]) -> None:
        code = process.wait()
        self._api.fail(f"the function's process ended with {code}")

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
