"""A release and its command, with a program in place of Terraform, a real database, and moto."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result

from org_common.tools.cli import main
from org_common.tools.database.bootstrap import bootstrap
from org_common.tools.database.postgres import EmbeddedPostgres
from org_common.tools.deploy import staged
from tests.org_common.tools.deploy import crates, program
from tests.org_common.tools.deploy.codedeploy import FakeCodeDeploy, fake_codedeploy
from tests.org_common.tools.deploy.program import Program
from tests.support.aws import fake_aws

Json = dict[str, Any]
NUMBERS = count(1)


class Shop:
    """A project with built zips, and its Terraform."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.program = Program(root / "bin")
        (root / "infra").mkdir()
        self.change()

    def change(self, **changed: Any) -> None:
        """Change the project, and build it."""
        self.module = f"crates_{next(NUMBERS)}"
        crates.write(self.root, self.module, **changed)
        crates.write_zips(self.root / "dist", self.module, self.module)

    def manifest(self) -> Json:
        done = CliRunner().invoke(main, ["manifest", "--build", "dist"], catch_exceptions=False)
        document: Json = json.loads(done.stdout)
        return document

    def plans(self, before: Json | None = None, *, changed: bool = True) -> Json:
        """Let Terraform show the plan of the project."""
        plan = program.plan(self.manifest(), before, changed=changed)
        self.program.shows(plan)
        return plan

    def deploy(self, *arguments: str, answer: str = "", url: str | None = None) -> Result:
        command = ["deploy", "--no-build", "--no-doctor", "--terraform", str(self.program.path), *arguments]
        return CliRunner().invoke(
            main, command, input=answer, env={"ORG_COMMON_MIGRATOR_URL": url}, catch_exceptions=False
        )


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setattr("sys.path", sys.path.copy())
    monkeypatch.chdir(tmp_path)
    return Shop(tmp_path)


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres.start(durable=False) as server:
        yield server


@pytest.fixture
def url(server: EmbeddedPostgres) -> str:
    """The migrator of a new database."""
    name = f"crates_{next(NUMBERS)}"
    with psycopg.connect(server.url, autocommit=True) as conn:
        conn.execute(f"create database {name} strategy file_copy".encode())
    admin = server.url.removesuffix("/postgres") + f"/{name}"
    bootstrap(admin, migrator_password="of-the-migrator")
    return f"postgresql://app_migrator:of-the-migrator@{admin.rpartition('@')[2]}"


def test_dry_run_shows_changes_and_exits_with_2(shop: Shop) -> None:
    shop.plans()

    result = shop.deploy("--dry-run")

    assert result.exit_code == 2
    assert result.stdout.splitlines() == [
        "all functions: the first deploy: 1 functions, 1 routes",
        "crates: a new route, GET /health, allowed by PUBLIC   [public route]",
        "resources: 1 to add, 0 to change, 0 to destroy",
    ]
    assert shop.program.calls == ["init", "plan", "show"]


def test_dry_run_without_changes_exits_with_0(shop: Shop) -> None:
    shop.plans(shop.manifest(), changed=False)

    result = shop.deploy("--dry-run")

    assert (result.exit_code, result.stdout) == (0, "no changes\n")


def test_change_is_told_apart(shop: Shop) -> None:
    before = shop.manifest()
    shop.change(app=crates.APP + crates.ROUTE, memory=1024)
    shop.plans(before)

    assert shop.deploy("--dry-run").stdout.splitlines() == [
        f"crates: entry {before['functions']['crates']['entry']} became {shop.module}:app",
        "crates: memory 512 became 1024 MB",
        "crates: its code changed",
        "crates: a new route, GET /crates, allowed by PUBLIC   [public route]",
        "resources: 0 to add, 1 to change, 0 to destroy",
    ]


def test_answer_decides(shop: Shop) -> None:
    shop.plans()

    declined = shop.deploy(answer="n\n")
    assert (declined.exit_code, "apply" in shop.program.calls) == (1, False)

    accepted = shop.deploy(answer="y\n")
    assert (accepted.exit_code, accepted.stdout.splitlines()[-1]) == (0, "deployed")
    assert shop.program.calls[-1] == "apply"


def test_yes_asks_nothing(shop: Shop) -> None:
    shop.plans()

    assert shop.deploy("--yes").exit_code == 0
    assert shop.program.calls == ["init", "plan", "show", "apply"]


def test_nothing_is_applied_without_changes(shop: Shop) -> None:
    shop.plans(shop.manifest(), changed=False)

    assert shop.deploy("--yes").exit_code == 0
    assert "apply" not in shop.program.calls


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--terraform", "nowhere/tf"), "Error: nowhere/tf is not a program that can be run: correct --terraform\n"),
        (("--bogus",), "Error: No such option '--bogus'."),
        (("--folder", "nowhere"), "Error: Invalid value for '--folder'"),
        (("--out", "empty"), "Error: empty has no zips for"),
    ],
)
def test_error_exits_with_1(shop: Shop, arguments: tuple[str, ...], message: str) -> None:
    (shop.root / "empty").mkdir()

    result = shop.deploy("--dry-run", *arguments)

    assert result.exit_code == 1
    assert message in result.stderr


def test_failed_plan_is_one_line(shop: Shop) -> None:
    shop.program.fails("plan", "│ Error: No valid credential sources found\n")

    result = shop.deploy("--yes")

    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == (
        "Error: terraform plan failed in infra: No valid credential sources found"
    )


def test_project_that_cannot_be_deployed_is_refused_before_terraform(shop: Shop) -> None:
    shop.change(memory=1)

    result = shop.deploy("--yes")

    assert result.exit_code == 1
    assert "memory" in result.stderr
    assert shop.program.calls == []


def test_configuration_with_another_manifest_is_refused(shop: Shop) -> None:
    shop.program.shows(program.plan({**shop.manifest(), "line": "other"}))

    result = shop.deploy("--yes")

    assert result.exit_code == 1
    assert "the configuration in infra reads another manifest than dist/manifest.json" in result.stderr
    assert "apply" not in shop.program.calls


def test_plan_that_violates_its_manifest_is_refused(shop: Shop) -> None:
    plan = shop.plans()
    plan["planned_values"]["root_module"]["child_modules"][0]["resources"] = []
    shop.program.shows(plan)

    result = shop.deploy("--yes")

    assert result.exit_code == 1
    assert "the plan is refused:\n  the route GET /health of crates is missing\n" in result.stderr
    assert "apply" not in shop.program.calls


def test_missing_zip_is_named(shop: Shop) -> None:
    (shop.root / "dist" / f"{shop.module}.zip").unlink()

    result = shop.deploy("--yes")

    assert "Error: dist has no zip of crates: build them, without --no-build" in result.stderr


def test_unchecked_migrations_are_mentioned(shop: Shop) -> None:
    shop.plans()

    assert "migrations: not checked. Set --migrator-url" in shop.deploy("--dry-run").stderr


@pytest.mark.db
def test_migrations_are_applied_before_the_code(shop: Shop, url: str) -> None:
    shop.plans(shop.manifest(), changed=False)

    dry = shop.deploy("--dry-run", url=url)
    assert (dry.exit_code, dry.stdout.splitlines()[-2]) == (
        2,
        "database: applies 0001_create_crates.sql of package crates",
    )

    shop.plans()
    shop.program.fails("apply", "Error: throttled")
    done = shop.deploy("--yes", url=url)
    assert "applied 0001_create_crates.sql of package crates" in done.stdout
    assert done.stderr.endswith("Error: terraform apply failed in infra: throttled\n")

    shop.plans(shop.manifest(), changed=False)
    assert shop.deploy("--dry-run", url=url).exit_code == 0


@pytest.mark.db
def test_code_is_not_applied_after_a_failed_migration(shop: Shop, url: str) -> None:
    shop.plans()
    (shop.root / "migrations" / "0001_create_crates.sql").write_text("create table nowhere.crates (id int);")

    result = shop.deploy("--yes", url=url)

    assert result.exit_code == 1
    assert 'schema "nowhere" does not exist' in result.stderr
    assert "apply" not in shop.program.calls


def test_function_that_is_not_deployed_is_drift(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.plans(shop.manifest(), changed=False)
    with fake_aws() as aws:
        monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "none")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")

        result = shop.deploy("--yes", "--doctor")

    assert result.exit_code == 1
    assert "prod-crates: is an app of the project, but no function with this name is deployed" in result.stderr


@pytest.fixture
def codedeploy(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCodeDeploy]:
    """CodeDeploy, whose alias is at version 3; Terraform has published version 4."""
    shop.program.shows(program.staged(shop.plans(), "prod-crates"))
    shop.program.published(**{"prod-crates": "4"})
    monkeypatch.setattr(staged, "POLL_S", 0.0)
    with fake_codedeploy() as fake:
        fake.aliases["prod-crates"] = {"FunctionVersion": "3"}
        for name, value in fake.environ.items():
            monkeypatch.setenv(name, value)
        yield fake


def test_staged_deploy_moves_the_alias(shop: Shop, codedeploy: FakeCodeDeploy) -> None:
    result = shop.deploy("--yes")

    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines()[-4:] == [
        "deployed",
        "prod-crates: version 4 in place of 3: CodeDeploy started d-1",
        "prod-crates: 10 % of the requests reach version 4",
        "prod-crates: version 4 is live",
    ]
    assert codedeploy.aliases["prod-crates"]["FunctionVersion"] == "4"


def test_rollback_of_a_staged_deploy_exits_with_1(shop: Shop, codedeploy: FakeCodeDeploy) -> None:
    codedeploy.failing.add("prod-crates")

    result = shop.deploy("--yes")

    assert result.exit_code == 1
    assert "prod-crates: rolled back to version 3. d-1 ended with ALARM_ACTIVE" in result.stderr


def test_dry_run_and_no_wait_leave_the_alias(shop: Shop, codedeploy: FakeCodeDeploy) -> None:
    dry, started = shop.deploy("--dry-run"), shop.deploy("--yes", "--no-wait")

    assert (dry.exit_code, started.exit_code) == (2, 0)
    assert len(codedeploy.created) == 1
    assert codedeploy.aliases["prod-crates"] == {"FunctionVersion": "3"}


@pytest.mark.parametrize(("answer", "version"), [("n\n", "3"), ("y\n", "4")])
def test_alias_that_stayed_behind_moves_after_a_question(
    shop: Shop, codedeploy: FakeCodeDeploy, answer: str, version: str
) -> None:
    """After a rollback or an interruption, there is nothing left to plan."""
    shop.program.shows(program.staged(shop.plans(shop.manifest(), changed=False), "prod-crates"))

    result = shop.deploy(answer=answer)

    assert result.stdout.splitlines()[:2] == ["no changes", "prod-crates: version 4 in place of 3"]
    assert codedeploy.aliases["prod-crates"]["FunctionVersion"] == version
