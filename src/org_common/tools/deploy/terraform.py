"""Runs Terraform, and turns what it prints about an error into one line."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from org_common.tools.project.project import ToolError

_QUIET = {"TF_IN_AUTOMATION": "1", "TF_INPUT": "0", "CHECKPOINT_DISABLE": "1"}
# The frame that Terraform draws around an error.
_FRAME = re.compile(r"^[╷│╵]\s?", re.MULTILINE)


@dataclass(frozen=True)
class Terraform:
    """Terraform in the folder of a configuration."""

    folder: Path
    program: str
    """Path of the program; see `find`."""
    say: Callable[[str], None]
    """Receives each line that Terraform prints."""

    def init(self, plugins: Path | None = None) -> None:
        """Install modules and providers. With `plugins`, providers come from this folder alone."""
        options = [] if plugins is None else [f"-plugin-dir={plugins.absolute()}"]
        self._run("init", *options)

    def plan(self, file: Path, options: Sequence[str] = ()) -> Mapping[str, Any]:
        """Write the plan to a file, and return it as `terraform show -json` prints it."""
        self._run("plan", f"-out={file}", *options)
        return self._show(str(file))

    def state(self) -> Mapping[str, Any]:
        """The state, as `terraform show -json` prints it."""
        return self._show()

    def apply(self, file: Path) -> None:
        """Apply exactly the plan in the file."""
        self._run("apply", str(file))

    def _show(self, *file: str) -> Mapping[str, Any]:
        shown = subprocess.run(
            [self.program, "show", "-json", *file],
            cwd=self.folder,
            env=_environment(),
            capture_output=True,
            check=False,
        )
        if shown.returncode != 0:
            raise ToolError(f"terraform show failed in {self.folder}: {_first_error(shown.stderr.decode())}")
        document: Mapping[str, Any] = json.loads(shown.stdout)
        return document

    def _run(self, command: str, *arguments: str) -> None:
        """Run a command. Raises `ToolError` with its first error."""
        printed = list[str]()

        def take(line: str) -> None:
            printed.append(line)
            self.say(line.rstrip("\n"))

        with subprocess.Popen(
            [self.program, command, "-no-color", "-input=false", *arguments],
            cwd=self.folder,
            env=_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        ) as process:
            assert process.stdout is not None
            try:
                for line in process.stdout:
                    take(line)
            except KeyboardInterrupt:
                # The terminal interrupts Terraform too, which then finishes what it has begun and writes its state.
                for line in process.stdout:
                    take(line)
                process.wait()
                raise
        if process.returncode != 0:
            raise ToolError(f"terraform {command} failed in {self.folder}: {_first_error(''.join(printed))}")


def find(program: str | None) -> str:
    """The path of the program, by default that of `terraform` on the PATH."""
    found = shutil.which(program or "terraform")
    if found is not None:
        return str(Path(found).absolute())
    if program is None:
        raise ToolError("terraform is not on the PATH: install Terraform 1.9 or newer, or name it: --terraform FILE")
    raise ToolError(f"{program} is not a program that can be run: correct --terraform")


def _environment() -> dict[str, str]:
    return {**os.environ, **_QUIET}


def _first_error(printed: str) -> str:
    """The first error that Terraform printed, as one line, and how many more there are."""
    text = _FRAME.sub("", printed)
    errors = text.split("Error: ")[1:]
    if not errors:
        return " ".join(text.split()[-40:]) or "it printed nothing"
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{' '.join(errors[0].split())}{more}"
