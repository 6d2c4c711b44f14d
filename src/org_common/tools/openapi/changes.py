"""Compares two OpenAPI documents, and reports which changes break clients.

Documents are expected to be those of `document.py`; others are compared as far as they have the same structure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from org_common.http.response import JSON
from org_common.tools.openapi.schema_diff import Json, SchemaComparison, resolve

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


@dataclass(frozen=True)
class Change:
    """A change that clients can notice."""

    kind: str
    """Machine-readable type of the change: "field-removed"."""
    where: str
    """The operation ("GET /orgs/{orgId}"), or a part of the document ("servers")."""
    part: str
    """What of it: "response 200 #/name"; empty for all of it."""
    detail: str
    breaking: bool

    def as_dict(self) -> dict[str, object]:
        """The JSON form of the change."""
        return {
            "breaking": self.breaking,
            "kind": self.kind,
            "where": self.where,
            "part": self.part,
            "detail": self.detail,
        }

    def __str__(self) -> str:
        place = f"{self.where}, {self.part}" if self.part else self.where
        return f"{'BREAKING  ' if self.breaking else 'compatible'}  {place}: {self.detail} ({self.kind})"


def changes(old: Json, new: Json) -> list[Change]:
    """All changes that clients can notice, sorted by path. Descriptions and examples are not compared."""
    return list(_Comparison(old, new).all())


class _Comparison:
    def __init__(self, old: Json, new: Json) -> None:
        self._old = old
        self._new = new
        self._schemas = SchemaComparison(old, new)

    def all(self) -> Iterator[Change]:
        yield from self._servers()
        before, after = _operations(self._old), _operations(self._new)
        for key in sorted(before.keys() | after.keys()):
            if key not in after:
                yield Change("operation-removed", before[key][0], "", "removed", breaking=True)
            elif key not in before:
                yield Change("operation-added", after[key][0], "", "added", breaking=False)
            else:
                yield from self._operation(after[key][0], before[key][1], after[key][1])

    def _servers(self) -> Iterator[Change]:
        before, after = (
            [server["url"] for server in document.get("servers", [])] for document in (self._old, self._new)
        )
        for url in before:
            # "/" stands for an unknown server.
            if url not in after and url != "/":
                yield Change("server-removed", "servers", "", f"{url} was removed", breaking=True)

    def _operation(self, where: str, old: Json, new: Json) -> Iterator[Change]:
        if old.get("operationId") != new.get("operationId"):
            detail = f"{old.get('operationId')} became {new.get('operationId')}: generated clients use another name"
            yield Change("operation-id-changed", where, "", detail, breaking=True)
        yield from self._security(where, old, new)
        if "x-rule" in old and "x-rule" in new and old["x-rule"] != new["x-rule"]:
            # The rule's text does not tell whether it admits fewer callers or more: report both for review.
            yield Change("rule-changed", where, "x-rule", f"{old['x-rule']} became {new['x-rule']}", breaking=True)
        if bool(old.get("deprecated")) != bool(new.get("deprecated")):
            yield Change(
                "deprecation-changed", where, "", f"deprecated became {bool(new.get('deprecated'))}", breaking=False
            )
        yield from self._parameters(where, old, new)
        yield from self._body(where, self._body_of(self._old, old), self._body_of(self._new, new))
        yield from self._responses(where, old.get("responses", {}), new.get("responses", {}))

    def _security(self, where: str, old: Json, new: Json) -> Iterator[Change]:
        before, after = _security_alternatives(self._old, old), _security_alternatives(self._new, new)
        if before != after:
            # No security requirement means that every caller is admitted.
            breaking = bool(after) and (not before or not before <= after)
            names = [
                " or ".join(sorted(" and ".join(sorted(way)) for way in ways)) or "nothing" for ways in (before, after)
            ]
            yield Change("security-changed", where, "security", f"{names[0]} became {names[1]}", breaking=breaking)

    def _parameters(self, where: str, old: Json, new: Json) -> Iterator[Change]:
        before, after = _parameters(self._old, old), _parameters(self._new, new)
        for key in sorted(before.keys() | after.keys()):
            place, name = key
            part = f"{place} parameter {name}"
            if key not in after:
                # Unknown query parameters are rejected, unknown headers and cookies are ignored.
                yield Change("parameter-removed", where, part, "removed", breaking=place == "query")
            elif key not in before:
                required = bool(after[key].get("required"))
                kind = "required-parameter-added" if required else "parameter-added"
                yield Change(kind, where, part, "added", breaking=required)
            else:
                yield from self._requirement(where, part, before[key], after[key], "parameter")
                yield from self._schema("in", where, part, before[key].get("schema", {}), after[key].get("schema", {}))

    def _requirement(self, where: str, part: str, old: Json, new: Json, what: str) -> Iterator[Change]:
        if bool(old.get("required")) != bool(new.get("required")):
            required = bool(new.get("required"))
            state = "required" if required else "optional"
            yield Change(f"{what}-became-{state}", where, part, f"is now {state}", breaking=required)

    def _body_of(self, document: Json, operation: Json) -> Json | None:
        body = operation.get("requestBody")
        return None if body is None else resolve(document, body)

    def _body(self, where: str, old: Json | None, new: Json | None) -> Iterator[Change]:
        if old is None and new is None:
            return
        if old is None or new is None:
            breaking = new is None or bool(new.get("required"))
            kind, detail = ("body-removed", "no longer accepted") if new is None else ("body-added", "added")
            yield Change(kind, where, "body", detail, breaking=breaking)
            return
        yield from self._requirement(where, "body", old, new, "body")
        yield from self._contents("in", where, "body", old.get("content", {}), new.get("content", {}))

    def _responses(self, where: str, old: Json, new: Json) -> Iterator[Change]:
        for status in sorted(old.keys() | new.keys()):
            part = f"response {status}"
            # Clients can handle an unknown error by its class (4xx, 5xx), but depend on the exact status of a success.
            is_success = status[0] in "123d"
            if status not in new:
                yield Change("status-removed", where, part, "no longer returned", breaking=is_success)
            elif status not in old:
                yield Change("status-added", where, part, "is now returned", breaking=is_success)
            else:
                before, after = resolve(self._old, old[status]), resolve(self._new, new[status])
                yield from self._contents("out", where, part, before.get("content", {}), after.get("content", {}))
                yield from self._headers(where, part, before.get("headers", {}), after.get("headers", {}))

    def _headers(self, where: str, part: str, old: Json, new: Json) -> Iterator[Change]:
        before, after = ({name.lower(): header for name, header in headers.items()} for headers in (old, new))
        for name in sorted(before.keys() | after.keys()):
            header = f"{part} header {name}"
            if name not in after:
                yield Change("header-removed", where, header, "removed", breaking=True)
            elif name not in before:
                yield Change("header-added", where, header, "added", breaking=False)
            else:
                left, right = resolve(self._old, before[name]), resolve(self._new, after[name])
                if bool(left.get("required")) != bool(right.get("required")):
                    is_sent = bool(right.get("required"))
                    kind = "header-became-required" if is_sent else "header-became-optional"
                    detail = "is now always present" if is_sent else "may now be missing"
                    yield Change(kind, where, header, detail, breaking=not is_sent)
                yield from self._schema("out", where, header, left.get("schema", {}), right.get("schema", {}))

    def _contents(self, way: Literal["in", "out"], where: str, part: str, old: Json, new: Json) -> Iterator[Change]:
        for media in sorted(old.keys() | new.keys()):
            if media not in new:
                # Bodies in JSON are accepted as any +json type, documented or not (handlers/binding.py).
                is_accepted = way == "in" and media.endswith("+json") and JSON in new
                yield Change("media-type-removed", where, part, f"{media} was removed", breaking=not is_accepted)
            elif media not in old:
                yield Change("media-type-added", where, part, f"{media} was added", breaking=False)
            else:
                yield from self._schema(way, where, part, old[media].get("schema", {}), new[media].get("schema", {}))

    def _schema(self, way: Literal["in", "out"], where: str, part: str, old: Any, new: Any) -> Iterator[Change]:
        for difference in self._schemas.compare(old, new):
            place = part if difference.pointer == "#" else f"{part} {difference.pointer}"
            breaking = difference.narrows if way == "in" else difference.widens
            yield Change(difference.kind, where, place, difference.detail, breaking=breaking)


def _operations(document: Json) -> dict[tuple[str, str], tuple[str, Json]]:
    """The operations by path and method. Names of path parameters are ignored: callers do not see them."""
    operations: dict[tuple[str, str], tuple[str, Json]] = {}
    for path, item in document.get("paths", {}).items():
        shared = item.get("parameters", [])
        for method in _METHODS:
            if method in item:
                operation = {**item[method], "parameters": [*shared, *item[method].get("parameters", [])], "path": path}
                operations[re.sub(r"\{[^}]*\}", "{}", path), method] = (f"{method.upper()} {path}", operation)
    return operations


def _parameters(document: Json, operation: Json) -> dict[tuple[str, str], Json]:
    """The parameters by location and name; path parameters by their position in the path."""
    order = re.findall(r"\{([^}]*)\}", operation["path"])
    parameters: dict[tuple[str, str], Json] = {}
    for reference in operation["parameters"]:
        parameter = resolve(document, reference)
        place, name = parameter["in"], parameter["name"]
        if place == "path" and name in order:
            name = str(order.index(name) + 1)
        parameters[place, name.lower() if place == "header" else name] = parameter
    return parameters


def _security_alternatives(document: Json, operation: Json) -> set[frozenset[str]]:
    """The alternative security requirements, each a set of schemes. Schemes are compared by content, not by name."""
    schemes: Mapping[str, Json] = document.get("components", {}).get("securitySchemes", {})
    alternatives: set[frozenset[str]] = set()
    for requirement in operation["security"] if "security" in operation else document.get("security", []):
        alternatives.add(
            frozenset(_scheme(schemes.get(name, {}), name, scopes) for name, scopes in requirement.items())
        )
    return set() if frozenset() in alternatives else alternatives


def _scheme(scheme: Json, name: str, scopes: list[str]) -> str:
    properties = [str(scheme[key]) for key in ("type", "scheme", "in", "name", "openIdConnectUrl") if key in scheme]
    return " ".join([*(properties or [name]), *sorted(scopes)])
