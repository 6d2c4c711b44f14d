"""AWS's Runtime Interface Emulator as another runner: its program comes with the SAM command line, if that is here.

It starts a function at the first event and has neither concurrency nor SnapStart; its REPORT line's "Init Duration" is
wrong, its "INIT REPORT" is right (aws-sam-cli 1.170.0, 2026-11). So the figures are read from the latter.
"""

from __future__ import annotations

import http.client
import json
import os
import platform
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from org_common.tools.project.project import ToolError
from org_common.tools.runtime.coldstart import WARM, Start
from org_common.tools.runtime.environment import Function

PATH = "/2015-03-31/functions/function/invocations"
INIT = re.compile(r"INIT REPORT\(durationMs: ([\d.]+)\)")
READY_S = 10.0


def program() -> Path:
    """The emulator's, from the path or out of the package `aws-sam-cli`."""
    if found := shutil.which("aws-lambda-rie"):
        return Path(found)
    arch = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
    spec = find_spec("samcli")
    for folder in (spec and spec.submodule_search_locations) or ():
        file = Path(folder, "local", "rapid", f"aws-lambda-rie-{arch}")
        if file.is_file():
            return file
    raise ToolError("AWS's emulator is not here: pip install aws-sam-cli, or put aws-lambda-rie on the path")


def start(function: Function, event: Any, *, warm: int = WARM) -> Start:
    """As `coldstart.start`, under the emulator. `first_s` is what the first call took beyond the init within it."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryDirectory() as folder:
        front, back = _free_port(), _free_port()
        file = Path(folder, "aws-lambda-rie")
        shutil.copyfile(program(), file)
        file.chmod(0o755)
        arguments = ["--runtime-interface-emulator-address", f"127.0.0.1:{front}"]
        arguments += ["--runtime-api-address", f"127.0.0.1:{back}"]
        environ = function.environ(f"127.0.0.1:{back}") | {"AWS_LAMBDA_FUNCTION_TIMEOUT": "30"}
        # The emulator says itself where its Runtime API is.
        del environ["AWS_LAMBDA_RUNTIME_API"]
        process = subprocess.Popen(
            [file, *arguments, function.python, *function.options, *function.program, function.handler],
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _wait_for(front)
            first = _call(front, event)
            # One at a time: two at once end it.
            again = tuple(_call(front, event) for _ in range(warm))
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        output.seek(0)
        text = output.read().decode(errors="replace")
    found = INIT.search(text)
    if found is None:
        raise ToolError(f"the emulator told no INIT REPORT:\n{text[-2000:]}")
    init_s = float(found[1]) / 1000
    return Start(init_s, max(first - init_s, 0.0), again)


def _call(port: int, event: Any) -> float:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        begin = time.monotonic()
        connection.request("POST", PATH, json.dumps(event), {"Content-Type": "application/json"})
        answer = connection.getresponse().read()
        took = time.monotonic() - begin
    finally:
        connection.close()
    # Its status is 200 whatever happened.
    if b'"errorType"' in answer or b"Task timed out" in answer:
        raise ToolError(f"the function failed: {answer.decode(errors='replace')}")
    return took


def _wait_for(port: int) -> None:
    until = time.monotonic() + READY_S
    while time.monotonic() < until:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    raise ToolError("the emulator did not start")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
