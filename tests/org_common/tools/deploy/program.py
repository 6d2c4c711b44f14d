"""A program in place of Terraform, for what happens before and after it. tests/infra runs the real one."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tests.org_common.tools.deploy.planned import PLACE, of_function, resource

Json = dict[str, Any]
PROGRAM = """#!{python}
import pathlib, sys
here = pathlib.Path(__file__).parent
with open(here / "calls", "a") as calls:
    print(*sys.argv[1:], file=calls)
if sys.argv[1] == "show":
    print((here / ("show.json" if len(sys.argv) > 3 else "state.json")).read_text())
elif (here / f"{{sys.argv[1]}}.error").exists():
    print((here / f"{{sys.argv[1]}}.error").read_text())
    sys.exit(1)
"""


class Program:
    """The program, with the plan that it shows and the calls that it got."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self.path = folder / "terraform"
        self.path.write_text(PROGRAM.format(python=sys.executable))
        self.path.chmod(0o755)

    @property
    def calls(self) -> list[str]:
        """The commands that it was called with."""
        file = self.folder / "calls"
        return [line.split()[0] for line in file.read_text().splitlines()] if file.exists() else []

    def fails(self, command: str, printed: str) -> None:
        """Let a command fail, and print this."""
        (self.folder / f"{command}.error").write_text(printed)

    def shows(self, plan: Json) -> None:
        """Let it show this plan."""
        (self.folder / "show.json").write_text(json.dumps(plan))

    def published(self, **versions: str) -> None:
        """Let its state have these versions of functions."""
        functions = [
            {"address": name, "type": "aws_lambda_function", "values": {"function_name": name, "version": version}}
            for name, version in versions.items()
        ]
        state = {"values": {"root_module": {"child_modules": [{"resources": functions}]}}}
        (self.folder / "state.json").write_text(json.dumps(state))


def staged(plan: Json, *functions: str) -> Json:
    """The plan with a CodeDeploy group for each of these functions."""
    [stack] = [each for each in plan["planned_values"]["root_module"]["child_modules"] if "child_modules" in each]
    stack["resources"] += [
        resource(
            f'module.stack.aws_codedeploy_deployment_group.this["{name}"]',
            app_name="prod-shop",
            deployment_group_name=name,
        )
        for name in functions
    ]
    return plan


def plan(manifest: Json, before: Json | None = None, *, changed: bool = True) -> Json:
    """The plan of a manifest with functions without needs, as `terraform show -json` prints it."""
    children = [
        {"resources": of_function(name, function), "address": f'module.stack.module.function["{name}"]'}
        for name, function in manifest["functions"].items()
    ]
    routes = [
        resource(
            f'module.stack.aws_apigatewayv2_route.this["{route["key"]}"]',
            route_key=route["key"],
            authorization_type="NONE",
        )
        for function in manifest["functions"].values()
        for route in function["routes"]
    ]
    action = "no-op" if not changed else "create" if before is None else "update"
    record = {
        "address": "module.stack.terraform_data.deployed",
        "type": "terraform_data",
        "change": {
            "actions": [action],
            "before": None if before is None else {"input": {**PLACE, "manifest": before}},
            "after": {"input": {**PLACE, "manifest": manifest}},
        },
    }
    root = {"child_modules": [{"resources": routes, "child_modules": children}]}
    return {"planned_values": {"root_module": root}, "resource_changes": [record]}
