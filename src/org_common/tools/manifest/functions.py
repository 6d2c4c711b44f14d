"""Describes a function in the manifest: how it is deployed, what invokes it, and what it needs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from org_common.app import App
from org_common.auth.from_authorizer import FromAuthorizer
from org_common.config.needs import Needs
from org_common.http.routing import PARAMETER
from org_common.route import Route
from org_common.tools.manifest.actions import WITHOUT_RESOURCES
from org_common.tools.manifest.settings import FunctionSettings, Queue
from org_common.triggers.trigger import Trigger
from org_common.values.casing import camel

Json = dict[str, Any]
# By the names of the classes, so that the sources an app does not use stay unloaded.
EVENTS = {
    "HttpApi": "http_api",
    "RestApi": "rest_api",
    "FunctionUrl": "function_url",
    "Alb": "alb",
    "KeepWarm": "keep_warm",
}


def of_app(entry: str, app: App, settings: FunctionSettings) -> tuple[str, Json]:
    """The name and the description of an app."""
    identity = _identity(app)
    function = _function("app", entry, settings, needed=_settings_of(app, identity))
    if settings.layers is None and identity != "app":
        # Only what verifies tokens needs the layer with PyJWT.
        function["layers"] = ["runtime"]
    function["identity"] = identity
    function["events"] = [EVENTS.get(type(source).__name__, type(source).__name__) for source in app.events]
    function["cors"] = app.pipeline.cors is not None
    function["routes"] = [_route(route) for route in app.routes]
    _add_triggers(function, app, settings)
    needs = app.needs or Needs()
    function["needs"] = {
        "secrets": list(needs.secrets),
        "sends": list(needs.queues),
        "consumes": list(needs.consumes),
        "buckets": list(needs.buckets),
        "actions": {
            action: [] if action in WITHOUT_RESOURCES else list(settings.resources_of(action))
            for action in needs.actions
        },
    }
    return app.name, function


def of_other(entry: str, settings: FunctionSettings, *, is_authorizer: bool) -> tuple[str, Json]:
    """The name and the description of a function that is not an `App`."""
    function = _function(
        "authorizer" if is_authorizer else "other", entry, settings, needed=["issuers"] if is_authorizer else []
    )
    return settings.name or entry.partition(":")[0].rpartition(".")[2], function


def stem(entry: str) -> str:
    """The name of a function's zip, without its ending."""
    return entry.partition(":")[0].replace(".", "-")


def _function(type_: str, entry: str, settings: FunctionSettings, needed: list[str]) -> Json:
    """What all functions have. The keys are the same for each, whatever it is."""
    needed = list(dict.fromkeys([*needed, *settings.settings]))
    return {
        "type": type_,
        "entry": entry,
        "handler": entry.replace(":", "."),
        "layers": list(("runtime", "auth") if settings.layers is None else settings.layers),
        "memory": settings.memory,
        "timeout": settings.timeout,
        "vpc": "database" in needed or "service_database" in needed if settings.vpc is None else settings.vpc,
        "snapstart": settings.snapstart,
        "provisioned": None if settings.provisioned is None else asdict(settings.provisioned),
        "reserved": settings.reserved,
        "log_retention": settings.log_retention,
        "environment": dict(settings.environment),
        "settings": needed,
        "identity": None,
        "events": [],
        "cors": False,
        "routes": [],
        "queues": {},
        "schedules": {},
        "buckets": {},
        "bus_events": [],
        "needs": {"secrets": [], "sends": [], "consumes": [], "buckets": [], "actions": {}},
    }


def _identity(app: App) -> str:
    """Who authenticates the caller: "authorizer", "gateway_jwt" (the API's own), or "app" itself."""
    if isinstance(app.identity, FromAuthorizer):
        return "authorizer"
    return "gateway_jwt" if app.identity.needs_authorizer else "app"


def _settings_of(app: App, identity: str) -> list[str]:
    """The settings that the app's declarations need."""
    needs_database = any(route.needs_database for route in app.routes) or any(
        not trigger.outside or (trigger.signature.injects("transaction") is not None and not trigger.is_service)
        for trigger in app.triggers
    )
    is_needed = {
        "database": needs_database,
        "service_database": any(trigger.is_service for trigger in app.triggers),
        "cursor_keys": any(route.signature.injects("page") is not None for route in app.routes),
        "issuers": identity != "authorizer",
    }
    return [name for name, needed in is_needed.items() if needed]


def _route(route: Route) -> Json:
    path = PARAMETER.sub(lambda parameter: f"{{{camel(parameter[1])}}}", route.path)
    return {
        "key": f"{route.method} {path}",
        "public": route.is_public,
        "rule": route.rule.name,
        "caller": route.rule.caller,
        "role": route.rule.role,
        "streams": route.is_stream,
        "summary": route.summary,
    }


def _add_triggers(function: Json, app: App, settings: FunctionSettings) -> None:
    for trigger in app.triggers:
        described = {"rule": trigger.allow.name, "role": trigger.rule.role}
        if trigger.queue is not None:
            options = settings.queues.get(trigger.queue, Queue())
            function["queues"][trigger.queue] = {**described, **asdict(options)}
        if trigger.kind == "SCHEDULE":
            function["schedules"][trigger.name] = {**described, **trigger.details}
        elif trigger.kind == "S3":
            _add_bucket(function, trigger, described)
        elif trigger.kind == "EVENT":
            event = {"source": trigger.details["source"], "detail_type": trigger.name}
            function["bus_events"].append({**described, **event})


def _add_bucket(function: Json, trigger: Trigger, described: Json) -> None:
    bucket = function["buckets"].setdefault(trigger.name, {**described, "events": [], "queue": trigger.queue})
    bucket["events"] += [f"s3:{event}" for event in trigger.details["events"]]
