"""uv: resolves and installs for a platform that is not this one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from org_common.tools.project.project import ToolError


class UvError(ToolError):
    """uv refused; its own words are in the message."""


def run(arguments: Sequence[str | Path], *, stdin: str = "") -> str:
    """What uv answers to `uv pip …`; `UvError` when it fails.

    A configuration of the user's says where packages come from, and must not say what is in a layer.
    """
    command = [program(), "pip", *map(str, arguments), "--quiet", "--no-progress", "--color", "never"]
    environment = {name: value for name, value in os.environ.items() if name != "UV_COMPILE_BYTECODE"}
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise UvError(done.stderr.strip() or done.stdout.strip() or f"uv ended with {done.returncode}")
    return done.stdout


def program() -> str:
    """uv's, from this environment or the path."""
    beside = Path(sys.executable).parent / "uv"
    found = str(beside) if beside.is_file() else shutil.which("uv")
    if found is None:
        raise ToolError('uv is not here, and it builds the layer: pip install "org-common[dev]"')
    return found
