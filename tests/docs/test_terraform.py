"""docs/operations/terraform.md: commands checked against AWS's models, and the parts of a deploy story."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import botocore.session  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
import pytest
from botocore import xform_name  # pyright: ignore[reportMissingTypeStubs]

from tests.docs.console import blocks

PAGE = Path(__file__).parents[2] / "docs" / "operations" / "terraform.md"
TEXT = PAGE.read_text()
SHELL = "".join(block.text for block in blocks(PAGE) if block.language == "sh").replace("\\\n", " ")
GLOBAL = {"query", "output"}
# Commands in sentences name what matters there, and leave out the rest.
INLINE = [" ".join(command.split()) for command in re.findall(r"`(aws [^`]+)`", TEXT)]
COMMANDS = re.findall(r"(?:^\s*|\$\()(aws .*)", SHELL, re.MULTILINE)


def test_shell_can_be_parsed() -> None:
    subprocess.run(["bash", "-n"], input=SHELL, text=True, check=True)


@pytest.mark.parametrize("command", [*COMMANDS, *INLINE])
def test_aws_has_the_command_and_its_options(command: str) -> None:
    _, service, name, *_ = command.split()
    # The CLI's name for CodeDeploy.
    model: Any = botocore.session.Session().get_service_model("codedeploy" if service == "deploy" else service)
    [operation] = [each for each in model.operation_names if xform_name(each, "-") == name]
    shape: Any = model.operation_model(operation).input_shape
    # jq's options are within the quotes of a substitution.
    given = set(re.findall(r"\s--([a-z0-9-]+)", command.partition("$(jq")[0])) - GLOBAL

    assert given <= {xform_name(member, "-") for member in shape.members}
    if command in COMMANDS:
        assert {xform_name(member, "-") for member in shape.required_members} <= given


def test_every_command_is_looked_at() -> None:
    assert len(COMMANDS) == len(re.findall(r"\baws [a-z0-9]+ [a-z]", SHELL))
    assert len(COMMANDS) >= 4
