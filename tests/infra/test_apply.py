"""Apply, a second plan without changes, and destroy, on moto: for what moto has. Minutes: ORG_COMMON_INFRA=long.

Left out are provisioned concurrency (404), SnapStart (accepted and forgotten), Application Auto Scaling (the provider
stops with an error), CodeDeploy (a second apply updates its groups, which moto lacks, and the provider repeats that for
minutes), and queues with all that needs them (25 seconds each).
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest

from org_common.tools.deploy import terraform as deploy
from org_common.tools.deploy.plan import resources
from tests.infra import deploying
from tests.infra.conftest import modules
from tests.infra.programs import Terraform
from tests.infra.stack import PROVIDER, manifest, write
from tests.org_common.tools.deploy import crates
from tests.support.aws import FakeAws, fake_aws

SERVICES = ("apigatewayv2", "cloudwatch", "events", "iam", "lambda", "logs", "s3", "scheduler", "sqs", "sts")
STACK = """
module "stack" {
  source   = "./modules/stack"
  manifest = "${path.module}/manifest.json"
  prefix   = "test-"
  account  = "123456789012"
  region   = "eu-central-1"
  database = { secret = "test/app/database", url = "postgresql://pooler.acme.example:6432/app" }
  issuers  = [{ url = "https://acme.example/", audience = "https://acme.example", algorithms = ["RS256"] }]
}
"""


def few() -> dict[str, Any]:
    """The manifest of two functions, without what moto lacks."""
    document = manifest()
    document["functions"] = {name: document["functions"][name] for name in ("access-auth", "depot")}
    for function in document["functions"].values():
        function |= {"provisioned": None, "snapstart": False}
        function |= {"queues": {}, "schedules": {}, "buckets": {}, "bus_events": []}
    return document


def write_zips(folder: Path, document: dict[str, Any]) -> None:
    zips = [*document["layers"].values(), *(function["zip"] for function in document["functions"].values())]
    for each in zips:
        with zipfile.ZipFile(folder / each["file"], "w") as file:
            file.writestr("app.py", "")


def prepared(folder: Path, aws: FakeAws) -> Terraform:
    """The configuration, with the provider's calls sent to moto."""
    endpoints = "".join(f'    {service} = "{aws.url}"\n' for service in SERVICES)
    provider = PROVIDER % f"s3_use_path_style = true\n  endpoints {{\n{endpoints}  }}"
    document = few()
    write(modules(folder), provider + STACK, document)
    write_zips(folder, document)
    terraform = Terraform(folder)
    terraform.init()
    return terraform


def test_stack_is_created_stays_and_goes(tmp_path: Path) -> None:
    with fake_aws() as aws:
        terraform = prepared(tmp_path / "infra", aws)

        terraform.run("apply", "-auto-approve", "-no-color", "-input=false")
        again = terraform.run("plan", "-detailed-exitcode", "-no-color", "-input=false", check=False)
        alias = aws.client("lambda").get_alias(FunctionName="test-depot", Name="live")
        state = deploy.Terraform(terraform.folder, deploy.find(None), print).state()
        terraform.run("destroy", "-auto-approve", "-no-color", "-input=false")
        left = aws.client("lambda").list_functions()["Functions"]

    assert again.returncode == 0, again.stdout
    assert alias["FunctionVersion"] == "1"
    functions = [each for each in resources(state["values"]["root_module"]) if each.type == "aws_lambda_function"]
    assert {each.get("function_name"): each.get("version") for each in functions} == {
        "test-access-auth": "1",
        "test-depot": "1",
    }
    assert left == []


def test_deploy_change_and_drift(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with fake_aws() as aws:
        send_to(project, aws, monkeypatch)
        deploying.change(project, "crates_at_first")
        first, again = deploying.deploy("--yes"), deploying.deploy("--dry-run")
        deploying.change(project, "crates_changed", app=crates.APP + crates.ROUTE, memory=1024)
        second = deploying.deploy(answer="y\n")
        aws.client("lambda").delete_function(FunctionName="test-crates")
        drifted = deploying.deploy("--dry-run")

    assert first.exit_code == 0, first.stderr
    assert first.stdout.splitlines()[-2:] == ["deployed", "no drift: functions, layers and roles are as built"]
    assert (again.exit_code, again.stdout) == (0, "no changes\n")
    assert second.stdout.splitlines()[1:4] == [
        "crates: memory 512 became 1024 MB",
        "crates: its code changed",
        "crates: a new route, GET /crates, allowed by PUBLIC   [public route]",
    ]
    assert second.stdout.splitlines()[-1] == "no drift: functions, layers and roles are as built"
    assert drifted.exit_code == 2, drifted.stderr


def send_to(project: Path, aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """The configuration, with the calls of provider and doctor sent to moto."""
    endpoints = "".join(f'    {service} = "{aws.url}"\n' for service in SERVICES)
    (project / "infra" / "main.tf").write_text(PROVIDER % f"endpoints {{\n{endpoints}  }}" + deploying.STACK)
    for name, value in {"ENDPOINT_URL": aws.url, "ACCESS_KEY_ID": "none", "SECRET_ACCESS_KEY": "none"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
