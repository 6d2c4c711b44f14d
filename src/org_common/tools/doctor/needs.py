"""What a deployed app needs: as it declares, for the queues that invoke it, and by the names that its role has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from org_common.app import App
from org_common.config.needs import Needs
from org_common.tools.doctor import iam as policies
from org_common.tools.doctor.iam import Statement


def needs_of(app: App, prefix: str, statements: Sequence[Statement]) -> Needs:
    """The needs of the app, with those of its triggers.

    A queue or bucket is deployed under its name, or with the prefix of the functions; a FIFO queue ends in `.fifo`. It
    has the first of these names that the statements allow, and otherwise its own.
    """
    declared = app.needs or Needs()
    consumed = [trigger.queue for trigger in app.triggers if trigger.queue is not None]

    def named(action: str, names: Iterable[str]) -> list[str]:
        return [_deployed(name, action, prefix, statements) for name in dict.fromkeys(names)]

    return Needs(
        secrets=declared.secrets,
        queues=named("sqs:SendMessage", declared.queues),
        consumes=named("sqs:ReceiveMessage", [*declared.consumes, *consumed]),
        buckets=named("s3:GetObject", declared.buckets),
        actions=declared.actions,
    )


def _deployed(name: str, action: str, prefix: str, statements: Sequence[Statement]) -> str:
    if name.startswith("arn:"):
        return name
    names = [name, f"{prefix}{name}", f"{name}.fifo", f"{prefix}{name}.fifo"]
    allowed = [
        resource.split("/")[0].rpartition(":")[2]
        for statement in statements
        for resource in statement.resources
        if policies.allowed(statements, action, resource)
    ]
    return next((each for each in names if each in allowed), name)
