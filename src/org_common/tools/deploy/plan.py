"""Reads a Terraform plan, as `terraform show -json` prints it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]
# What these hold is gone when they are deleted or replaced.
_WITH_DATA = ("aws_cloudwatch_log_group", "aws_db_instance", "aws_rds_cluster", "aws_s3_bucket", "aws_sqs_queue")


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
class Loss:
    """A resource that the plan deletes."""

    address: str
    has_data: bool

    def __str__(self) -> str:
        return f"{self.address} is deleted{', with what it holds   [data]' if self.has_data else '   [removed]'}"


class Plan:
    """The resources of a plan."""

    def __init__(self, document: Json) -> None:
        self.resources: list[Resource] = list(_resources(document["planned_values"]["root_module"]))
        """All resources after the plan was applied, in all modules."""
        self.losses: list[Loss] = [
            Loss(change["address"], change["type"] in _WITH_DATA)
            for change in document.get("resource_changes", [])
            if "delete" in change["change"]["actions"]
        ]
        """What is deleted or replaced."""
        self.is_empty: bool = all(
            change["change"]["actions"] in (["no-op"], ["read"]) for change in document.get("resource_changes", [])
        )
        """Nothing changes."""

    def of(self, type_: str) -> list[Resource]:
        """The resources of a type."""
        return [resource for resource in self.resources if resource.type == type_]

    def by(self, type_: str, name: str) -> dict[str, Resource]:
        """The resources of a type, by an attribute."""
        return {resource.get(name): resource for resource in self.of(type_)}


def _resources(module: Json) -> Iterator[Resource]:
    for resource in module.get("resources", []):
        if resource.get("mode", "managed") == "managed":
            yield Resource(resource["address"], resource["type"], resource.get("values", {}))
    for child in module.get("child_modules", []):
        yield from _resources(child)
