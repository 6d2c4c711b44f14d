"""Compares two manifests, and says what changes on AWS in the words of an operator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]
# The sizes and switches of a function, with their units.
_NUMBERS = {"memory": " MB", "timeout": " s", "log_retention": " days"}
_SWITCHES = ("vpc", "snapstart", "cors")
_SETTINGS = {
    "database": "reads the secret of the database login",
    "service_database": "reads the secret of the service login, which sees all organizations",
    "cursor_keys": "reads the secret of the cursor keys",
    "issuers": "verifies tokens",
}
_NEEDS = {
    "secrets": "may read the secret {}",
    "sends": "may send to the queue {}",
    "consumes": "may receive from the queue {}",
    "buckets": "may read and write the bucket {}",
}


@dataclass(frozen=True)
class Change:
    """A change on AWS."""

    where: str
    """The function, or "all functions"."""
    detail: str
    risk: str | None = None
    """Why a person should look at it: "public route", "wider role", "removed", "data"; None for other changes."""

    def __str__(self) -> str:
        return f"{self.where}: {self.detail}{f'   [{self.risk}]' if self.risk else ''}"


def changes(old: Json, new: Json) -> list[Change]:
    """All changes, those of all functions first."""
    return list(_changes(old, new))


def _changes(old: Json, new: Json) -> Iterator[Change]:
    for key in ("runtime", "architecture"):
        if old[key] != new[key]:
            yield Change("all functions", f"{key} {old[key]} became {new[key]}")
    if old["line"] != new["line"]:
        yield Change("all functions", f"line {old['line']} became {new['line']}")
    for layer in sorted(old["layers"].keys() | new["layers"].keys()):
        if _sha256(old["layers"].get(layer)) != _sha256(new["layers"].get(layer)):
            yield Change("all functions", f"the layer {layer} changed")
    before, after = old["functions"], new["functions"]
    for name in sorted(before.keys() | after.keys()):
        if name not in after:
            yield Change(name, "the function was removed", "removed")
            yield from _routes(name, before[name]["routes"], [])
            yield from _triggers(name, before[name], _NOTHING)
        elif name not in before:
            yield Change(name, f"a new function, {after[name]['handler']}")
            yield from _function(name, {**after[name], **_NOTHING}, after[name])
        else:
            yield from _function(name, before[name], after[name])


_NOTHING: Json = {
    "settings": [],
    "environment": {},
    "routes": [],
    "queues": {},
    "schedules": {},
    "buckets": {},
    "bus_events": [],
    "needs": {"secrets": [], "sends": [], "consumes": [], "buckets": [], "actions": {}},
}


def _function(name: str, old: Json, new: Json) -> Iterator[Change]:
    for key in ("entry", "identity"):
        if old[key] != new[key]:
            yield Change(name, f"{key} {old[key]} became {new[key]}", "public route" if key == "identity" else None)
    for key, unit in _NUMBERS.items():
        if old[key] != new[key]:
            yield Change(name, f"{key.replace('_', ' ')} {old[key]} became {new[key]}{unit}")
    for key in _SWITCHES:
        if old[key] != new[key]:
            yield Change(name, f"{key} was switched {'on' if new[key] else 'off'}")
    for key in ("reserved", "provisioned"):
        if old[key] != new[key]:
            yield Change(name, f"{key} concurrency {_words(old[key])} became {_words(new[key])}")
    yield from _events(name, old, new)
    yield from _routes(name, old["routes"], new["routes"])
    yield from _triggers(name, old, new)
    yield from _role(name, old, new)


def _events(name: str, old: Json, new: Json) -> Iterator[Change]:
    """What changes of its code, its variables and the events that it accepts."""
    for variable in sorted(old["environment"].keys() | new["environment"].keys()):
        if old["environment"].get(variable) != new["environment"].get(variable):
            yield Change(name, f"the variable {variable} changed")
    for event in sorted(set(old["events"]) ^ set(new["events"])):
        is_new = event in new["events"]
        yield Change(name, f"{'accepts' if is_new else 'no longer accepts'} events of {event}")
    if _sha256(old.get("zip")) != _sha256(new.get("zip")):
        yield Change(name, "its code changed")


def _routes(name: str, old: list[Json], new: list[Json]) -> Iterator[Change]:
    before, after = ({route["key"]: route for route in routes} for routes in (old, new))
    for key in sorted(before.keys() | after.keys(), key=lambda key: key.partition(" ")[::-1]):
        if key not in after:
            yield Change(name, f"the route {key} was removed", "removed")
        elif key not in before:
            route = after[key]
            risk = "public route" if route["public"] else None
            yield Change(name, f"a new route, {key}, allowed by {route['rule']}", risk)
        else:
            yield from _rule(name, f"the route {key}", before[key], after[key])


def _rule(name: str, what: str, old: Json, new: Json) -> Iterator[Change]:
    if old["rule"] != new["rule"]:
        risk = "public route" if new.get("public") else None
        yield Change(name, f"{what}: rule {old['rule']} became {new['rule']}", risk)
    if old["role"] != new["role"]:
        yield Change(name, f"{what}: runs as {new['role']} in place of {old['role']}", "wider role")


def _triggers(name: str, old: Json, new: Json) -> Iterator[Change]:
    for key, what in {"queues": "the queue", "schedules": "the schedule", "buckets": "the bucket"}.items():
        for source in sorted(old[key].keys() | new[key].keys()):
            before, after = old[key].get(source), new[key].get(source)
            if after is None:
                yield Change(name, f"{what} {source} was removed", "removed" if key == "schedules" else "data")
            elif before is None:
                yield Change(name, f"{what} {source} is new, allowed by {after['rule']}")
            else:
                yield from _rule(name, f"{what} {source}", before, after)
                for option in sorted(after.keys() - {"rule", "role"}):
                    if before.get(option) != after[option]:
                        yield Change(name, f"{what} {source}: {option} {before.get(option)} became {after[option]}")
    for event in old["bus_events"]:
        if event not in new["bus_events"]:
            yield Change(name, f"events {event['detail_type']} of {event['source']} no longer invoke it", "removed")
    for event in new["bus_events"]:
        if event not in old["bus_events"]:
            yield Change(name, f"events {event['detail_type']} of {event['source']} invoke it")


def _role(name: str, old: Json, new: Json) -> Iterator[Change]:
    for setting in new["settings"]:
        if setting not in old["settings"]:
            yield Change(name, _SETTINGS[setting], None if setting == "issuers" else "wider role")
    for setting in old["settings"]:
        if setting not in new["settings"]:
            yield Change(name, f"no longer {_SETTINGS[setting]}")
    for key, text in _NEEDS.items():
        for value in new["needs"][key]:
            if value not in old["needs"][key]:
                yield Change(name, text.format(value), "wider role")
        for value in old["needs"][key]:
            if value not in new["needs"][key]:
                yield Change(name, text.format(value).replace("may", "may no longer"))
    yield from _actions(name, old["needs"]["actions"], new["needs"]["actions"])


def _actions(name: str, before: Json, after: Json) -> Iterator[Change]:
    for action in sorted(before.keys() | after.keys()):
        if action not in after:
            yield Change(name, f"may no longer call {action}")
        elif before.get(action) != after[action]:
            yield Change(name, f"may call {action} on {', '.join(after[action]) or 'all resources'}", "wider role")


def _sha256(zip_: Json | None) -> str | None:
    return None if zip_ is None else zip_["sha256"]


def _words(value: Any) -> str:
    if isinstance(value, dict):
        schedules = ", ".join(value["schedules"])
        return f"{value['min']} to {value['max']}{f' with {schedules}' if schedules else ''}"
    return "none" if value is None else str(value)
