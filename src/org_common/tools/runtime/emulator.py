"""Measures cold starts with AWS's Runtime Interface Emulator, whose program is part of the SAM CLI.

The emulator starts a function at the first event, and has neither concurrency nor SnapStart. The "Init Duration" of its
REPORT line is wrong and its "INIT REPORT" is right (aws-sam-cli 1.170.0, 2026-11), so the latter is read.
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
    """Path of the emulator, from PATH or the package `aws-sam-cli`; `ToolError` without one."""
    if found := shutil.which("aws-lambda-rie"):
        return Path(found)
    arch = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
    spec = find_spec("samcli")
    for folder in (spec and spec.submodule_search_locations) or ():
        file = Path(folder, "local", "rapid", f"aws-lambda-rie-{arch}")
        if file.is_file():
            return file
    raise ToolError("AWS's emulator is not installed: pip install aws-sam-cli, or put aws-lambda-rie on PATH")


def start(function: Function, event: Any, *, warm: int = WARM) -> Start:
    """Like `coldstart.start`, but with the emulator. `first_s` is the first call without the init that it includes."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryDirectory() as folder:
        front, back = _free_port(), _free_port()
        file = Path(folder, "aws-lambda-rie")
        shutil.copyfile(program(), file)
        file.chmod(0o755)
        arguments = ["--runtime-interface-emulator-address", f"127.0.0.1:{front}"]
        arguments += ["--runtime-api-address", f"127.0.0.1:{back}"]
        environ = function.environ(f"127.0.0.1:{back}") | {"AWS_LAMBDA_FUNCTION_TIMEOUT": "30"}
        # The emulator sets this variable.
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
            # One request at a time: the emulator exits on concurrent ones.
            again = tuple(_call(front, event) for _ in range(warm))
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        output.seek(0)
        text = output.read().decode(errors="replace")
    found = INIT.search(text)
    if found is None:
        raise ToolError(f"the emulator printed no INIT REPORT:\n{text[-2000:]}")
    init_s = float(found[1]) / 1000
    return Start(init_s, max(first - init_s, 0.0), again)


def _call(port: int, event: Any) -> float:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        begin = time.monotonic()
        connection.request("POST", PATH, json.dumps(event), {"Content-Type": "application/json"})
        response = connection.getresponse().read()
        took = time.monotonic() - begin
    finally:
        connection.close()
    # The status is 200 even for errors.
    if b'"errorType"' in response or b"Task timed out" in response:
        raise ToolError(f"the function failed: {response.decode(errors='replace')}")
    return took


def _wait_for(port: int) -> None:
    deadline_s = time.monotonic() + READY_S
    while time.monotonic() < deadline_s:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    raise ToolError(f"the emulator did not start within {READY_S:g} s")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
