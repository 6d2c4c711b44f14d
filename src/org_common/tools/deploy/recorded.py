"""Reads what the stack recorded about itself: its place in AWS, and the manifests before and after a plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from org_common.tools.deploy.plan import Plan
from org_common.tools.project.project import ToolError

Json = Mapping[str, Any]
_RECORD = "terraform_data.deployed"


@dataclass(frozen=True)
class Recorded:
    """The module stack in a plan."""

    module: str
    """The beginning of its resources' addresses: "module.stack."."""
    place: Mapping[str, str]
    """The prefix, region, account and partition of the stack."""
    before: Json | None
    """The manifest that is deployed; None before the first deploy."""
    after: Json
    """The manifest that the plan deploys."""


def read(plan: Plan, folder: Path) -> Recorded:
    """The module stack in the plan of a folder's configuration. Raises `ToolError` unless there is exactly one."""
    steps = [step for step in plan.steps if step.address.endswith(_RECORD) and step.after.get("input")]
    if len(steps) != 1:
        raise ToolError(
            f"the configuration in {folder} has {len(steps)} of org-common's modules stack, and a deploy needs one: "
            "see infra/README.md, or name another folder with --folder"
        )
    [step] = steps
    planned, deployed = step.after["input"], step.before.get("input")
    place = {key: planned[key] for key in ("prefix", "region", "account", "partition")}
    module = step.address.removesuffix(_RECORD)
    return Recorded(module, place, deployed and deployed["manifest"], planned["manifest"])
