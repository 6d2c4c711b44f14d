"""A stack with every option: this project's functions, an app with every trigger, and a service of some of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from org_common.tools.layer.targets import Target
from org_common.tools.manifest import functions
from org_common.tools.manifest.document import describe
from org_common.tools.manifest.refusals import refusals
from org_common.tools.manifest.settings import FunctionSettings, Provisioned, Queue, ScheduledCapacity
from org_common.tools.project.project import Project
from tests.org_common.tools.manifest import depot

ROOT = Path(__file__).parents[2]
PLACE = {"prefix": "prod-", "region": "eu-central-1", "account": "123456789012", "partition": "aws"}
SHA256 = "A" * 43 + "="
PROVIDER = """
provider "aws" {
  region                      = "eu-central-1"
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  skip_requesting_account_id  = true
  %s
}
"""
CONFIGURATION = (
    PROVIDER % ""
    + """
module "stack" {
  source   = "./modules/stack"
  manifest = "${path.module}/manifest.json"
  prefix   = "prod-"
  account  = "123456789012"
  region   = "eu-central-1"

  database           = { secret = "prod/app/database", url = "postgresql://pooler.acme.example:6432/app" }
  service_database   = { secret = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:service-AbCdEf" }
  cursor_keys_secret = "ssm:/prod/cursor-keys"
  issuers            = [{ url = "https://acme.example/", audience = "https://acme.example", algorithms = ["RS256"] }]
  vpc                = { subnet_ids = ["subnet-1", "subnet-2"], security_group_ids = ["sg-1"] }
  jwt            = { issuer = "https://acme.example/", audience = ["https://api.acme.example"] }
  api            = { cors = { origins = ["https://app.acme.example"] } }
  bucket_origins = ["https://app.acme.example"]
  otel           = { layer_arn = "arn:aws:lambda:eu-central-1:901920570463:layer:aws-otel-python-arm64:1" }
  canary         = "LambdaCanary10Percent5Minutes"
  alarms = {
    topic_arns        = ["arn:aws:sns:eu-central-1:123456789012:alarms"]
    outbox_relay      = "relay"
    database_instance = "prod"
    max_connections   = 200
  }
}

module "web" {
  source   = "./modules/service"
  manifest = "${path.module}/manifest.json"
  apps     = ["access-orgs", "kb-documents", "depot"]
  image    = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop@sha256:abc"
  prefix   = "prod-"
  account  = "123456789012"
  region   = "eu-central-1"

  repository_arn     = "arn:aws:ecr:eu-central-1:123456789012:repository/shop"
  certificate_arn    = "arn:aws:acm:eu-central-1:123456789012:certificate/one"
  database           = { secret = "prod/app/database", url = "postgresql://pooler.acme.example:6432/app" }
  service_database   = { secret = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:service-AbCdEf" }
  cursor_keys_secret = "ssm:/prod/cursor-keys"
  issuers            = [{ url = "https://acme.example/", audience = "https://acme.example", algorithms = ["RS256"] }]
  vpc = {
    id                  = "vpc-1"
    cidr                = "10.0.0.0/16"
    task_subnet_ids     = ["subnet-1", "subnet-2"]
    balancer_subnet_ids = ["subnet-3", "subnet-4"]
    security_group_ids  = ["sg-1"]
  }
  alarms = {
    topic_arns        = ["arn:aws:sns:eu-central-1:123456789012:alarms"]
    database_instance = "prod"
    max_connections   = 200
  }
}
"""
)


def manifest() -> dict[str, Any]:
    """The manifest of this project with the app `depot`, as if all zips were built."""
    document = describe(Project.find(ROOT), Target("3.13", "arm64"))
    morning = ScheduledCapacity("cron(0 7 ? * MON-FRI *)", 5, 10, "Europe/Berlin")
    settings = FunctionSettings(
        provisioned=Provisioned(2, 5, schedules={"morning": morning}),
        queues={"parcels": Queue(fifo=True, batch=1, concurrency=2)},
        resources={"*": ("arn:{partition}:kms:{region}:{account}:alias/{prefix}depot",)},
        environment={"DEPOT": "{prefix}{region}"},
    )
    name, function = functions.of_app("depot:app", depot.app, settings)
    document["functions"][name] = {**function, "zip": None}
    document["functions"]["mgmt-modules"] |= {"snapstart": True}
    document["functions"]["chat-streaming"] |= {"events": ["http_api", "function_url"]}
    return with_zips(document)


def with_zips(document: dict[str, Any]) -> dict[str, Any]:
    """The manifest as if all zips were built."""
    assert refusals(document) == []
    for name in document["layers"]:
        document["layers"][name] = {"file": f"{name}.zip", "sha256": SHA256}
    for name, function in document["functions"].items():
        function["zip"] = {"file": f"{name}.zip", "sha256": SHA256}
    return document


def write(folder: Path, configuration: str, document: dict[str, Any]) -> None:
    """Write a configuration and its manifest."""
    (folder / "main.tf").write_text(configuration)
    (folder / "manifest.json").write_text(json.dumps(document))
