"""Terraform, and a copy of its AWS provider on this machine: tests use no network."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

PROVIDER = "hashicorp/aws"
PLUGINS = "ORG_COMMON_TERRAFORM_PLUGINS"
"""The environment variable with a folder of providers, laid out as Terraform's filesystem mirrors are."""
OLDEST, OLDEST_PROVIDER = (1, 9), (5, 100)


def missing() -> str | None:
    """What this machine lacks; None if the tests can run."""
    program = shutil.which("terraform")
    if program is None:
        return "the program terraform"
    printed = subprocess.run([program, "version", "-json"], env=environment(), capture_output=True, check=False).stdout
    version = json.loads(printed or b"{}").get("terraform_version", "0.0")
    if tuple(map(int, version.split(".")[:2])) < OLDEST:
        return f"terraform {'.'.join(map(str, OLDEST))} (found {version})"
    if plugins() is None:
        return f"the AWS provider {'.'.join(map(str, OLDEST_PROVIDER))} (no folder in {PLUGINS} or in Terraform's own)"
    return None


@cache
def plugins() -> Path | None:
    """The folder of providers that has the AWS provider for this machine."""
    machine = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    for folder in _folders():
        for found in sorted(folder.glob(f"*/{PROVIDER}/*/{sys.platform}_{machine}"), reverse=True):
            version = re.match(r"(\d+)\.(\d+)", found.parent.name)
            if version and OLDEST_PROVIDER <= (int(version[1]), int(version[2])) < (7, 0):
                return folder
    return None


def _folders() -> list[Path]:
    """Where a provider may be: named by the environment, in Terraform's configuration, or in its usual places."""
    named = [os.environ.get(PLUGINS), os.environ.get("TF_PLUGIN_CACHE_DIR")]
    configuration = Path(os.environ.get("TF_CLI_CONFIG_FILE") or Path.home() / ".terraformrc")
    if configuration.is_file():
        named += re.findall(r'(?:path|plugin_cache_dir)\s*=\s*"([^"]+)"', configuration.read_text())
    data = os.environ.get("XDG_DATA_HOME", str(Path.home() / ".local/share"))
    # Terraform's implied mirrors, and folders of images that bring providers along.
    usual = [
        Path.home() / ".terraform.d/plugins",
        *(Path(folder, "terraform/plugins") for folder in (data, "/usr/local/share", "/usr/share")),
        *sorted(Path("/opt").glob("*")),
    ]
    return [folder for folder in (*(Path(name) for name in named if name), *usual) if folder.is_dir()]


def environment() -> dict[str, str]:
    """Terraform's environment: no configuration of this machine, no credentials, no questions."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TF_", "AWS_"))}
    return {**kept, "TF_CLI_CONFIG_FILE": os.devnull, "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}


class Terraform:
    """Terraform in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command. With `check`, a failure fails the test, with what Terraform printed."""
        done = subprocess.run(
            ["terraform", *arguments],
            cwd=self.folder,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0 or not check, f"terraform {' '.join(arguments)}\n{done.stdout}{done.stderr}"
        return done

    def init(self) -> None:
        self.run("init", "-no-color", "-input=false", f"-plugin-dir={plugins()}")

    def validate(self) -> dict[str, Any]:
        """What `validate` finds."""
        found: dict[str, Any] = json.loads(self.run("validate", "-json", check=False).stdout)
        return found

    def plan(self, *options: str) -> dict[str, Any]:
        """The plan."""
        self.run("plan", "-no-color", "-input=false", "-out=plan.bin", *options)
        plan: dict[str, Any] = json.loads(self.run("show", "-json", "plan.bin").stdout)
        return plan
