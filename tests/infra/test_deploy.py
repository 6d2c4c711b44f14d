"""`org-common deploy` with the real Terraform: what it says before it changes anything. test_apply has the rest."""

from __future__ import annotations

import json
from pathlib import Path

from tests.infra import generated
from tests.infra.deploying import STACK, change, deploy
from tests.infra.stack import PROVIDER

FIRST = [
    "all functions: the first deploy: 1 functions, 1 routes",
    "crates: a new route, GET /health, allowed by PUBLIC   [public route]",
]


def test_dry_run_shows_the_first_deploy(project: Path) -> None:
    (project / "infra" / "main.tf").write_text(PROVIDER % "" + STACK)
    change(project, "crates_of_the_dry_run")

    result = deploy("--dry-run")

    assert (result.exit_code, result.stdout.splitlines()[:-1]) == (2, FIRST), result.stderr
    assert result.stdout.splitlines()[-1].endswith(" to add, 0 to change, 0 to destroy")


def test_dry_run_builds_a_generated_project(tmp_path: Path) -> None:
    project = generated.Generated(tmp_path, PROVIDER % "", {})

    result = project.deploy("--dry-run")

    assert (result.returncode, result.stdout.splitlines()[:-1]) == (2, generated.FIRST), result.stderr
    manifest = json.loads((project.root / "dist" / "manifest.json").read_text())
    zips = [*manifest["layers"].values(), *(function["zip"] for function in manifest["functions"].values())]
    assert len(zips) == 4
    assert all((project.root / "dist" / each["file"]).stat().st_size > 1000 for each in zips)


def test_configuration_with_a_mistake_is_one_line(project: Path) -> None:
    (project / "infra" / "main.tf").write_text(PROVIDER % "" + STACK.replace("prefix ", "prefx "))
    change(project, "crates_of_the_mistake")

    result = deploy("--dry-run")

    assert result.exit_code == 1
    [message] = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert message.startswith("Error: terraform ")
    assert "prefx" in message or 'argument "prefix" is required' in message
