"""The life of a stack as docs/operations/terraform.md tells it, from nothing to nothing. Long: ORG_COMMON_INFRA=long.

The builds, Terraform, PostgreSQL and the doctor are real. AWS is moto, which test_apply says the limits of.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from org_common.tools.database.bootstrap import bootstrap
from org_common.tools.database.postgres import EmbeddedPostgres
from tests.infra.conftest import ROOT, modules
from tests.infra.generated import FIRST, PROGRAM, STACK, Generated
from tests.infra.programs import Terraform, environment, plugins
from tests.infra.stack import PROVIDER
from tests.infra.test_apply import SERVICES
from tests.support.aws import fake_aws

NO_DRIFT = "no drift: functions, layers and roles are as built"


@pytest.fixture
def migrator_url() -> Iterator[str]:
    with EmbeddedPostgres.start(durable=False) as server:
        bootstrap(server.url, migrator_password="of-the-migrator")
        yield f"postgresql://app_migrator:of-the-migrator@{server.url.rpartition('@')[2]}"


def applied(url: str) -> int:
    with psycopg.connect(url) as migrator:
        rows = migrator.execute("select from pg_tables where schemaname = 'parcels'").fetchall()
    return len(rows)


@pytest.mark.db
def test_generated_project_from_nothing_to_nothing(tmp_path: Path, migrator_url: str) -> None:
    with fake_aws() as aws:
        endpoints = "".join(f'    {service} = "{aws.url}"\n' for service in SERVICES)
        project = Generated(tmp_path, PROVIDER % f"endpoints {{\n{endpoints}  }}", aws.environ)
        functions, secrets = aws.client("lambda"), aws.client("secretsmanager")
        for name in ("test/app/database", "test/cursor-keys"):
            secrets.create_secret(Name=name, SecretString="stored")

        shown = project.deploy("--dry-run", "--migrator-url", migrator_url)
        assert shown.returncode == 2, shown.stderr
        assert [line for line in shown.stdout.splitlines() if "org_common" not in line][:3] == [
            "database: applies 0001_people_and_orgs.sql of package parcels",
            "database: applies 0002_notes.sql of package parcels",
            *FIRST,
        ]
        assert (applied(migrator_url), functions.list_functions()["Functions"]) == (0, [])

        first = project.deploy("--yes", "--migrator-url", migrator_url)
        assert first.returncode == 0, first.stderr
        assert first.stdout.splitlines()[-4:] == [
            "applied 0001_people_and_orgs.sql of package parcels",
            "applied 0002_notes.sql of package parcels",
            "deployed",
            NO_DRIFT,
        ]
        assert applied(migrator_url) > 0

        # A second build has the same zips, so nothing changes.
        again = project.deploy("--dry-run", "--migrator-url", migrator_url)
        assert (again.returncode, again.stdout) == (0, "no changes\n"), again.stderr

        project.add_route()
        second = project.deploy("--yes", "--migrator-url", migrator_url)
        assert second.returncode == 0, second.stderr
        assert second.stdout.splitlines()[:-3] == [
            "parcels-notes: its code changed",
            "parcels-notes: a new route, GET /labels, allowed by PUBLIC   [public route]",
        ]
        assert second.stdout.splitlines()[-1] == NO_DRIFT

        # Roll back as the page says. The next plan sees it, and the next deploy moves the alias forward again.
        alias = {"FunctionName": "test-parcels-notes", "Name": "live"}
        assert functions.get_alias(**alias)["FunctionVersion"] == "2"
        functions.update_alias(**alias, FunctionVersion="1")
        assert project.deploy("--dry-run", "--migrator-url", migrator_url).returncode == 2
        assert project.deploy("--yes", "--migrator-url", migrator_url).returncode == 0
        assert functions.get_alias(**alias)["FunctionVersion"] == "2"

        terraform = Terraform(project.root / "infra")
        terraform.run("destroy", "-auto-approve", "-no-color", "-input=false")
        assert functions.list_functions()["Functions"] == []
        # Kept for a rollback.
        assert len(functions.list_layers()["Layers"]) == 2


def test_this_project_is_built_and_planned(tmp_path: Path) -> None:
    """The functions of cora_modules: more than moto applies, so their plan is what is checked."""
    folder, out = modules(tmp_path / "infra"), tmp_path / "dist"
    (folder / "main.tf").write_text(PROVIDER % "" + STACK)

    done = subprocess.run(
        [PROGRAM, "deploy", "--dry-run", "--folder", folder, "--out", out, "--plugins", str(plugins())],
        cwd=ROOT,
        env={**environment(), "PATH": f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2, done.stderr
    described = json.loads((out / "manifest.json").read_text())
    routes = [route for function in described["functions"].values() for route in function["routes"]]
    lines = done.stdout.splitlines()
    assert lines[0] == f"all functions: the first deploy: {len(described['functions'])} functions, {len(routes)} routes"
    public = [line for line in lines if line.endswith("[public route]")]
    assert len(public) == len([route for route in routes if route["public"]])
    assert {path.name for path in out.glob("*.zip")} == {
        *(zip_["file"] for zip_ in described["layers"].values()),
        *(function["zip"]["file"] for function in described["functions"].values()),
    }
