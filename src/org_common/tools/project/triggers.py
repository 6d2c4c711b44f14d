"""Lists a project's triggers with their access rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from org_common.app import App


class ListedTrigger(NamedTuple):
    """A trigger with its access rule."""

    app: str
    kind: str
    """"SQS", "S3", "EVENT" or "SCHEDULE"."""
    name: str
    """The queue, the bucket, the detail-type, or the schedule."""
    source: str
    """What else the declaration says: the expression of a schedule, the source of an event, the events of a bucket."""
    rule: str
    """The access rule as it is declared; `AsService` with its reason."""
    sender: bool
    """Whether the handler runs as the sender of a message."""
    role: str
    """Database role that the statements run as."""
    summary: str


def triggers_of(apps: Sequence[App]) -> list[ListedTrigger]:
    """The triggers of these apps, in declaration order."""
    return [
        ListedTrigger(
            app.name,
            trigger.kind,
            trigger.name,
            ", ".join(str(value) for value in trigger.declared() if value),
            trigger.allow.name,
            trigger.rule.caller != "anyone",
            trigger.rule.role,
            trigger.summary,
        )
        for app in apps
        for trigger in app.triggers
    ]


def format_table(triggers: Sequence[ListedTrigger]) -> list[str]:
    """Lines of a table with the columns type, name, source, rule and app."""
    rows = [
        ("type", "name", "source", "rule", "app"),
        *((trigger.kind, trigger.name, trigger.source, trigger.rule, trigger.app) for trigger in triggers),
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
