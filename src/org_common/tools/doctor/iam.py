"""Evaluates IAM policies: whether a role allows what is needed, and where it allows more.

Identity policies only: permissions boundaries, service control policies, resource policies and conditions are not
evaluated. A statement with a condition counts if it allows, and is ignored if it denies.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any


@dataclass(frozen=True)
class Statement:
    """A statement of a policy, with single values as tuples of one."""

    policy: str
    """Name of the policy."""
    allows: bool
    """`Effect` is `Allow`."""
    actions: tuple[str, ...]
    not_actions: tuple[str, ...]
    resources: tuple[str, ...]
    not_resources: tuple[str, ...]
    conditional: bool

    def covers(self, action: str, resource: str) -> bool:
        """Whether the statement applies to the action on the resource."""
        if self.actions:
            named = any(matches(pattern.lower(), action.lower()) for pattern in self.actions)
        else:
            named = not any(matches(pattern.lower(), action.lower()) for pattern in self.not_actions)
        if not named:
            return False
        if self.resources:
            return any(matches(pattern, resource) for pattern in self.resources)
        return not any(matches(pattern, resource) for pattern in self.not_resources)


@dataclass(frozen=True)
class Need:
    """A permission that a function requires."""

    action: str
    resource: str
    reason: str
    """What the function needs it for."""


def parse(policy: str, document: Mapping[str, Any]) -> list[Statement]:
    """The statements of a policy document."""
    return [_statement(policy, statement) for statement in _list(document.get("Statement"))]


def allowed(statements: Sequence[Statement], action: str, resource: str) -> bool:
    """Whether a statement allows the action on the resource and none denies it."""
    covering = [statement for statement in statements if statement.covers(action, resource)]
    return any(statement.allows for statement in covering) and all(
        statement.allows or statement.conditional for statement in covering
    )


def missing_needs(statements: Sequence[Statement], needs: Sequence[Need]) -> list[Need]:
    """The needs that the statements do not allow."""
    return [need for need in needs if not allowed(statements, need.action, need.resource)]


def excess(statements: Sequence[Statement], needs: Sequence[Need]) -> Iterator[tuple[Statement, str]]:
    """The statements that allow more than is needed, each with a description of the excess."""
    needed = {need.action.lower() for need in needs}
    for statement in statements:
        if not statement.allows:
            continue
        if statement.not_actions or statement.not_resources:
            yield statement, "allows everything except what it lists"
            continue
        wide = [action for action in statement.actions if "*" in action or "?" in action]
        needless = [
            action
            for action in statement.actions
            if action not in wide and not any(matches(action.lower(), needed_action) for needed_action in needed)
        ]
        if wide and not all(_is_needed_pattern(action, needed) for action in wide):
            yield statement, f"allows {', '.join(wide)}"
        if needless:
            yield statement, f"allows {', '.join(needless)}, which the app does not need"
        broad = [resource for resource in statement.resources if _is_broad(resource, statement, needs)]
        if broad and not wide and not needless:
            yield statement, f"allows {', '.join(statement.actions)} on {', '.join(broad)}"


@lru_cache(maxsize=4096)
def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile("".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in pattern), re.DOTALL)


def matches(pattern: str, text: str) -> bool:
    """Match like IAM: * is any number of characters, ? is one character."""
    return _pattern(pattern).fullmatch(text) is not None


def _is_needed_pattern(action: str, needed: set[str]) -> bool:
    """Whether the pattern covers a needed action, such as `xray:Put*`, without covering a complete service."""
    return (
        not action.endswith(":*")
        and action != "*"
        and any(matches(action.lower(), needed_action) for needed_action in needed)
    )


def _is_broad(resource: str, statement: Statement, needs: Sequence[Need]) -> bool:
    """Whether the resource pattern also matches names that no need of the statement's actions has."""
    needed = [
        need.resource for need in needs if any(matches(each.lower(), need.action.lower()) for each in statement.actions)
    ]
    if "*" in needed or resource in needed:
        return False
    covered = [each for each in needed if matches(resource, each)]
    # The six characters that Secrets Manager appends to a name, and the objects of a bucket, do not count as other
    # names.
    trimmed = re.sub(r"(?:-\?{6}|-\*|/\*|\*)\Z", "", resource)
    return ("*" in trimmed or trimmed.endswith((":", "/")) or trimmed == "") or not covered


def _statement(policy: str, document: Mapping[str, Any]) -> Statement:
    return Statement(
        policy=policy,
        allows=document.get("Effect") == "Allow",
        actions=_list(document.get("Action")),
        not_actions=_list(document.get("NotAction")),
        resources=_list(document.get("Resource")),
        not_resources=_list(document.get("NotResource")),
        conditional=bool(document.get("Condition")),
    )


def _list(value: Any) -> tuple[Any, ...]:
    return () if value is None else tuple(value) if isinstance(value, list) else (value,)
