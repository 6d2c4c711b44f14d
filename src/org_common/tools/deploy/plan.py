"""Reads a Terraform plan, as `terraform show -json` prints it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]
# What these hold is gone when they are deleted or replaced.
_WITH_DATA = (
    "aws_cloudwatch_log_group",
    "aws_db_instance",
    "aws_dynamodb_table",
    "aws_rds_cluster",
    "aws_s3_bucket",
    "aws_sqs_queue",
)


@dataclass(frozen=True)
class Resource:
    """A resource as it will be after the plan was applied."""

    address: str
    type: str
    values: Json
    """Its attributes. Those that AWS assigns are missing."""

    def get(self, name: str, default: Any = None) -> Any:
        """An attribute; `default` if it is missing or null."""
        value = self.values.get(name)
        return default if value is None else value

    def block(self, name: str) -> Json:
        """The only block of a name; empty without one."""
        blocks = self.values.get(name) or [{}]
        first: Json = blocks[0] or {}
        return first


@dataclass(frozen=True)
class Step:
    """What a plan does to one resource."""

    address: str
    type: str
    actions: tuple[str, ...]
    """Terraform's words: "create", "update", "delete", "no-op", "read"; a replacement has two."""
    before: Json
    """Its attributes now; empty for a new resource."""
    after: Json
    """Its attributes afterwards, as far as the plan knows them; empty for a deleted resource."""
    unknown: Json
    """Names of the attributes that are known only after the apply, with the value true."""

    @property
    def is_idle(self) -> bool:
        """Nothing happens."""
        return self.actions in (("no-op",), ("read",))


@dataclass(frozen=True)
class Loss:
    """A resource that the plan deletes."""

    address: str
    has_data: bool

    def __str__(self) -> str:
        return f"{self.address} is deleted{', with what it holds   [data]' if self.has_data else '   [removed]'}"


class Plan:
    """The resources of a plan."""

    def __init__(self, document: Json, module: str = "") -> None:
        """`module` leaves out all resources outside of it: "module.stack."."""
        self._document = document
        self.resources: list[Resource] = [
            resource
            for resource in resources(document["planned_values"]["root_module"])
            if resource.address.startswith(module)
        ]
        """All resources after the plan was applied, in all modules."""
        self.steps: list[Step] = [
            step for step in map(_step, document.get("resource_changes", [])) if step.address.startswith(module)
        ]
        """What happens to each resource, deleted ones included."""
        self.losses: list[Loss] = [
            Loss(step.address, step.type in _WITH_DATA) for step in self.steps if "delete" in step.actions
        ]
        """What is deleted or replaced."""
        outputs = document.get("output_changes", {}).values()
        self.is_empty: bool = all(step.is_idle for step in self.steps) and all(
            output["actions"] == ["no-op"] for output in outputs
        )
        """Nothing changes."""

    def within(self, module: str) -> Plan:
        """The part of the plan inside a module."""
        return Plan(self._document, module)

    def of(self, type_: str) -> list[Resource]:
        """The resources of a type."""
        return [resource for resource in self.resources if resource.type == type_]

    def by(self, type_: str, name: str) -> dict[str, Resource]:
        """The resources of a type, by an attribute."""
        return {resource.get(name): resource for resource in self.of(type_)}

    def counts(self) -> dict[str, int]:
        """The number of resources that are added, changed and destroyed, as Terraform counts them."""
        counted = Counter(action for step in self.steps for action in step.actions)
        return {"add": counted["create"], "change": counted["update"], "destroy": counted["delete"]}


def _step(change: Json) -> Step:
    what = change["change"]
    return Step(
        change["address"],
        change["type"],
        tuple(what["actions"]),
        what.get("before") or {},
        what.get("after") or {},
        what.get("after_unknown") or {},
    )


def resources(module: Json) -> Iterator[Resource]:
    """The resources of a module and of all modules in it, of a plan or a state."""
    for resource in module.get("resources", []):
        if resource.get("mode", "managed") == "managed":
            yield Resource(resource["address"], resource["type"], resource.get("values", {}))
    for child in module.get("child_modules", []):
        yield from resources(child)
