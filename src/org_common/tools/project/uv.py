"""Runs uv, which resolves and installs packages for other platforms."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from org_common.tools.project.project import ToolError


class UvError(ToolError):
    """uv failed. The message is uv's output."""


def run(arguments: Sequence[str | Path], *, stdin: str = "") -> str:
    """The output of `uv pip …`; `UvError` when it fails.

    Ignores UV_COMPILE_BYTECODE: the user's uv configuration may choose the package index, but not what is in a layer.
    """
    command = [program(), "pip", *map(str, arguments), "--quiet", "--no-progress", "--color", "never"]
    environment = {name: value for name, value in os.environ.items() if name != "UV_COMPILE_BYTECODE"}
    result = subprocess.run(command, input=stdin, capture_output=True, text=True, env=environment, check=False)
    if result.returncode:
        raise UvError(result.stderr.strip() or result.stdout.strip() or f"uv exited with status {result.returncode}")
    return result.stdout


def program() -> str:
    """Path of the uv executable, from this environment or PATH; `ToolError` without one."""
    in_environment = Path(sys.executable).parent / "uv"
    path = str(in_environment) if in_environment.is_file() else shutil.which("uv")
    if path is None:
        raise ToolError('uv is required to build layers: pip install "org-common[dev]"')
    return path
