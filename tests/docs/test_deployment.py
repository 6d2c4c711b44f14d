"""docs/operations/deployment.md: commands checked against AWS's models, settings and policy read by the SDK."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import botocore.session  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
import click
import pytest
from botocore import xform_name  # pyright: ignore[reportMissingTypeStubs]

from org_common import Settings
from org_common.config.needs import Needs
from org_common.tools.cli import main
from org_common.tools.doctor import iam
from org_common.tools.doctor.deployed import Function
from org_common.tools.doctor.roles import required_permissions
from org_common.tools.layer import functions
from org_common.tools.layer.settings import LayerSettings
from org_common.tools.layer.targets import Target
from org_common.tools.project.project import Project
from tests.docs.console import blocks

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "operations" / "deployment.md"
BLOCKS = blocks(PAGE)
FILES = {block.title: block.text for block in BLOCKS if block.title}
SHELL = "".join(block.text for block in BLOCKS if block.language == "sh").replace("\\\n", " ")
ENVIRONMENTS = {"prod-notes": "notes-environment.json", "prod-authorizer": "authorizer-environment.json"}

# The CLI's own options for a parameter of another name, and those of every command.
RENAMED = {("create-function", "zip-file"): "code", ("publish-layer-version", "zip-file"): "content"}
GLOBAL = {"query", "output"}


def commands(program: str) -> list[tuple[str, str, list[str]]]:
    """Each command of the page: its first two words, and the names of its options."""
    found = re.findall(rf"(?:^\s*|\$\(){program} ([a-z0-9-]+) ([a-z0-9-]*)(.*)", SHELL, re.MULTILINE)
    return [(first, second, re.findall(r"\s--([a-z0-9-]+)", rest)) for first, second, rest in found]


AWS = [command for command in commands("aws") if command[1] != "wait"]
WAITERS = re.findall(r"^aws (\S+) wait (\S+)", SHELL, re.MULTILINE)


def test_shell_can_be_parsed() -> None:
    subprocess.run(["bash", "-n"], input=SHELL, text=True, check=True)


@pytest.mark.parametrize(("service", "name", "options"), AWS, ids=lambda value: value if isinstance(value, str) else "")
def test_aws_has_the_command_and_its_options(service: str, name: str, options: list[str]) -> None:
    model: Any = botocore.session.Session().get_service_model(service)
    [operation] = [each for each in model.operation_names if xform_name(each, "-") == name]
    shape: Any = model.operation_model(operation).input_shape
    members = {xform_name(member, "-") for member in shape.members} if shape else set()
    required = {xform_name(member, "-") for member in shape.required_members} if shape else set()

    given = {RENAMED.get((name, option), option) for option in options} - GLOBAL

    assert given - members == set()
    assert required - given == set()


@pytest.mark.parametrize(("service", "name"), WAITERS)
def test_aws_has_the_waiter(service: str, name: str) -> None:
    waiters = botocore.session.Session().get_waiter_model(service).waiter_names

    assert name in {xform_name(waiter, "-") for waiter in waiters}


def test_every_command_is_looked_at() -> None:
    assert len(AWS) + len(WAITERS) == len(re.findall(r"\baws [a-z0-9]+ [a-z]", SHELL))


@pytest.mark.parametrize(("first", "second", "options"), commands("org-common"), ids=str)
def test_org_common_has_the_command_and_its_options(first: str, second: str, options: list[str]) -> None:
    command: click.Command = main.commands[first]
    if isinstance(command, click.Group):
        command = command.commands[second]

    assert {f"--{option}" for option in options} <= {spelt for each in command.params for spelt in each.opts}


@pytest.mark.parametrize("function", ENVIRONMENTS)
def test_environment_is_good_in_lambda(function: str) -> None:
    environ = json.loads(FILES[ENVIRONMENTS[function]])["Variables"]

    settings = Settings.from_env({"AWS_LAMBDA_FUNCTION_NAME": function, **environ})

    assert settings.unknown_variables == ()
    assert bool(settings.issuers) is (function == "prod-authorizer")


def test_every_variable_of_the_environments_is_in_the_table() -> None:
    page = PAGE.read_text()
    used = {name for file in ENVIRONMENTS.values() for name in json.loads(FILES[file])["Variables"]}

    assert used <= set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))


def test_policy_allows_the_secrets_and_no_more() -> None:
    function = Function(
        name="prod-notes",
        arn="arn:aws:lambda:eu-central-1:123456789012:function:prod-notes",
        role="arn:aws:iam::123456789012:role/prod-notes",
        runtime="python3.13",
        architecture="arm64",
        code_sha256="",
        layers=(),
        in_vpc=True,
        reserved=None,
        environ=json.loads(FILES["notes-environment.json"])["Variables"],
    )
    statements = iam.parse("secrets", json.loads(FILES["secrets-policy.json"]))
    secrets = [need for need in required_permissions(function, Needs()) if need.action.startswith("secretsmanager:")]

    assert len(secrets) == 2
    assert iam.missing_needs(statements, secrets) == []
    assert list(iam.excess(statements, secrets)) == []


def test_zips_have_the_names_and_handlers_of_the_table(tmp_path: Path) -> None:
    rows = re.findall(r"^\| `([\w.-]+\.zip)` \| .+? \| (?:`([\w.]+)` )?\|$", PAGE.read_text(), re.MULTILINE)
    project = shutil.copytree(ROOT / "examples" / "notes", tmp_path / "notes")
    shutil.copytree(ROOT / "layer", project / "layer")
    [module] = [block.text for block in BLOCKS if block.language == "python"]
    [table] = [block.text for block in BLOCKS if block.language == "toml"]
    (project / "authorizer.py").write_text(module)
    with (project / "pyproject.toml").open("a") as file:
        file.write(f"\n{table}")

    settings = LayerSettings.find(project)
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    built = functions.build(Project.find(project), settings, python, tmp_path / "dist", lambda _: None)

    layers = [(f"org-common-{layer}-{Target('3.13', 'arm64').name}.zip", "") for layer in settings.layers]
    assert rows == [*layers, *((each.file.name, each.handler) for each in built)]


def test_each_function_is_created_with_its_handler() -> None:
    created = dict(re.findall(r"create-function --function-name (\S+) .*?--handler (\S+)", SHELL))

    assert created == {"prod-notes": "notes.app", "prod-authorizer": "authorizer.app"}


def test_every_file_that_a_command_reads_is_shown() -> None:
    assert set(re.findall(r"file://(\S+\.json)", SHELL)) == FILES.keys()
