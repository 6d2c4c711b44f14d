"""IAM policies, read as IAM reads them: what a role allows, beside what is needed.

Identity policies only: boundaries, service control policies, policies of resources and conditions are not looked at. A
statement with a condition counts as allowing, and as not denying.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any


@dataclass(frozen=True)
class Statement:
    """One statement of a policy, its lists made lists. `policy` is the policy's name."""

    policy: str
    allows: bool
    actions: tuple[str, ...]
    not_actions: tuple[str, ...]
    resources: tuple[str, ...]
    not_resources: tuple[str, ...]
    conditional: bool

    def covers(self, action: str, resource: str) -> bool:
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
    """An action on a resource that a function cannot do without, and what for."""

    action: str
    resource: str
    reason: str


def parse(policy: str, document: Mapping[str, Any]) -> list[Statement]:
    """The statements of a policy document."""
    return [_statement(policy, each) for each in _list(document.get("Statement"))]


def allowed(statements: Sequence[Statement], action: str, resource: str) -> bool:
    """Some statement allows it, and none denies it."""
    covering = [each for each in statements if each.covers(action, resource)]
    return any(each.allows for each in covering) and all(each.allows or each.conditional for each in covering)


def missing_needs(statements: Sequence[Statement], needs: Sequence[Need]) -> list[Need]:
    return [need for need in needs if not allowed(statements, need.action, need.resource)]


def excess(statements: Sequence[Statement], needs: Sequence[Need]) -> Iterator[tuple[Statement, str]]:
    """Each statement that allows more than is needed, and in what way."""
    scope = {need.action.lower() for need in needs}
    for each in statements:
        if not each.allows:
            continue
        if each.not_actions or each.not_resources:
            yield each, "allows all but what it names"
            continue
        wide = [action for action in each.actions if "*" in action or "?" in action]
        needless = [
            action
            for action in each.actions
            if action not in wide and not any(matches(action.lower(), one) for one in scope)
        ]
        if wide and not all(_is_needed_pattern(action, scope) for action in wide):
            yield each, f"allows {', '.join(wide)}"
        if needless:
            yield each, f"allows {', '.join(needless)}, which nothing asks for"
        broad = [resource for resource in each.resources if _is_broad(resource, each, needs)]
        if broad and not wide and not needless:
            yield each, f"allows {', '.join(each.actions)} on {', '.join(broad)}"


@lru_cache(maxsize=4096)
def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile("".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in pattern), re.DOTALL)


def matches(pattern: str, text: str) -> bool:
    """As IAM matches: * is any number of characters, ? is one."""
    return _pattern(pattern).fullmatch(text) is not None


def _is_needed_pattern(action: str, scope: set[str]) -> bool:
    """A pattern within one service that stands for needed actions: `xray:Put*`. Never a whole service."""
    return not action.endswith(":*") and action != "*" and any(matches(action.lower(), one) for one in scope)


def _is_broad(resource: str, statement: Statement, needs: Sequence[Need]) -> bool:
    """It covers more than the needs of its actions: another name beside a needed one would pass too."""
    asked = [
        need.resource for need in needs if any(matches(each.lower(), need.action.lower()) for each in statement.actions)
    ]
    if "*" in asked or resource in asked:
        return False
    covered = [each for each in asked if matches(resource, each)]
    # The six characters that Secrets Manager puts behind a name, and the objects of a bucket, are no other name.
    trimmed = re.sub(r"(?:-\?{6}|-\*|/\*|\*)\Z", "", resource)
    return ("*" in trimmed or trimmed.endswith((":", "/")) or trimmed == "") or not covered


def _statement(policy: str, given: Mapping[str, Any]) -> Statement:
    return Statement(
        policy=policy,
        allows=given.get("Effect") == "Allow",
        actions=_list(given.get("Action")),
        not_actions=_list(given.get("NotAction")),
        resources=_list(given.get("Resource")),
        not_resources=_list(given.get("NotResource")),
        conditional=bool(given.get("Condition")),
    )


def _list(given: Any) -> tuple[Any, ...]:
    return () if given is None else tuple(given) if isinstance(given, list) else (given,)
