"""Builds an AsyncAPI 3 document from the triggers of all apps of a project, as the OpenAPI document has its routes.

https://www.asyncapi.com/docs/reference/specification/v3.0.0
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from org_common.app import App
from org_common.tools.openapi.schemas import Json, Schemas
from org_common.triggers.trigger import Trigger

VERSION = "3.0.0"
_PROTOCOLS = {"SQS": "sqs"}
_DESCRIPTIONS = {
    "SQS": "Messages of an SQS queue.",
    "S3": "Events of an S3 bucket.",
    "EVENT": "Events of an EventBridge bus.",
    "SCHEDULE": "Ticks of a schedule.",
}


def document(apps: Sequence[App], *, title: str, version: str = "0") -> Json:
    """The document. It depends only on the apps and their order."""
    schemas = Schemas()
    channels: Json = {}
    operations: Json = {}
    messages: Json = {}
    for app in apps:
        for trigger in app.triggers:
            name = _identifier(f"{app.name}_{trigger.kind.lower()}_{trigger.name}", operations)
            messages[name] = _message(trigger, schemas)
            channels[name] = _channel(trigger, name)
            operations[name] = _operation(app, trigger, name)
    components: Json = {"messages": messages, "schemas": schemas.build()}
    return {
        "asyncapi": VERSION,
        "info": {"title": title, "version": version},
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": components,
    }


def _message(trigger: Trigger, schemas: Schemas) -> Json:
    body = next((each for each in trigger.signature.parameters if each.kind == "body"), None)
    message: Json = {"name": trigger.name, "contentType": "application/json"}
    if body is not None:
        message["payload"] = schemas.of(body.annotation, "in")
    return message


def _channel(trigger: Trigger, name: str) -> Json:
    channel: Json = {
        "address": trigger.queue or trigger.name,
        "description": _DESCRIPTIONS[trigger.kind],
        "messages": {name: {"$ref": f"#/components/messages/{name}"}},
    }
    details = {key: list(value) if isinstance(value, tuple) else value for key, value in trigger.details.items()}
    if details:
        channel["x-source"] = details
    return channel


def _operation(app: App, trigger: Trigger, name: str) -> Json:
    operation: Json = {"action": "receive", "channel": {"$ref": f"#/channels/{name}"}}
    if trigger.summary:
        operation["summary"] = trigger.summary
    operation |= {
        "tags": [{"name": app.name}],
        "messages": [{"$ref": f"#/channels/{name}/messages/{name}"}],
        "x-access-rule": trigger.allow.name,
        "x-caller": "none" if trigger.rule.caller == "anyone" else "sender",
        "x-database-role": trigger.rule.role,
    }
    return operation


def _identifier(name: str, used: Json) -> str:
    """A key of the document: letters, digits, - and _ alone."""
    key = plain = re.sub(r"[^A-Za-z0-9_-]", "_", name)
    number = 2
    while key in used:
        key, number = f"{plain}_{number}", number + 1
    return key
