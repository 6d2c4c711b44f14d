"""Versions come from git, and the workflow that publishes them holds no secret."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # pyright: ignore[reportMissingModuleSource]
from packaging.version import Version

ROOT = Path(__file__).parents[1]
WORKFLOW = ROOT / ".github" / "workflows" / "release.yml"


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def version(folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "hatchling", "version"],
        cwd=folder, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout.strip()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    return tmp_path


def test_newer_commit_has_a_newer_version(project: Path) -> None:
    git(project, "init", "-q")
    git(project, "add", ".")
    found: list[str] = []
    for message in ("first", "second", "v1.2.0", "fourth", "fifth", "v1.3.0"):
        git(project, "commit", "-q", "--allow-empty", "-m", message)
        if message.startswith("v"):
            git(project, "tag", message)
        found.append(version(project))

    assert found == ["0.1.0.dev1", "0.1.0.dev2", "1.2.0", "1.2.1.dev1", "1.2.1.dev2", "1.3.0"]
    assert sorted(found, key=Version) == found


def test_export_without_git_has_a_version(project: Path) -> None:
    # Git looks for a repository in the folders above.
    assert version(project) == "0.1.0.dev0"


def test_source_distribution_carries_its_version(project: Path) -> None:
    (project / "PKG-INFO").write_text("Metadata-Version: 2.4\nName: org-common\nVersion: 4.5.6\n")

    assert version(project) == "4.5.6"


def jobs() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(WORKFLOW.read_text())["jobs"]
    return found


def test_workflow_publishes_what_it_built_checked_and_attested() -> None:
    steps = [step.get("uses", step.get("run", "")).partition("@")[0] for step in jobs()["build"]["steps"]]

    order = [
        next(place for place, step in enumerate(steps) if part in step)
        for part in ("nox -s dist", "attest-build-provenance", "upload-artifact")
    ]
    assert order == sorted(order)
    assert jobs()["publish"]["needs"] == "build"
    assert "gh-action-pypi-publish" in jobs()["publish"]["steps"][-1]["uses"]


def test_workflow_holds_no_secret_and_asks_for_the_least_rights() -> None:
    text = WORKFLOW.read_text()

    assert "secrets." not in text
    assert yaml.safe_load(text)["permissions"] == {}
    assert jobs()["build"]["permissions"] == {"contents": "read", "id-token": "write", "attestations": "write"}
    assert jobs()["publish"]["permissions"] == {"id-token": "write"}


def test_everything_that_must_be_green_builds_the_distributions() -> None:
    assert " dist" in (ROOT / ".ci" / "run").read_text()
