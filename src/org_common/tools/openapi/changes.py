"""What changed from one OpenAPI document to the next, and whether it breaks those who call the API.

The document is one that `document.py` made; others are compared as far as they are made alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from org_common.tools.openapi.schema_diff import Json, SchemaComparison, resolve

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


@dataclass(frozen=True)
class Change:
    """`where` is the operation, or the part of the document; `part` is what of it, "response 200 #/name"."""

    kind: str
    where: str
    part: str
    detail: str
    breaking: bool

    def as_dict(self) -> dict[str, object]:
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
    """All that callers can notice, in the order of the paths. Words and examples are not compared."""
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
                yield Change("operation-removed", before[key][0], "", "it is gone", breaking=True)
            elif key not in before:
                yield Change("operation-added", after[key][0], "", "it is new", breaking=False)
            else:
                yield from self._operation(after[key][0], before[key][1], after[key][1])

    def _servers(self) -> Iterator[Change]:
        before, after = ([each["url"] for each in made.get("servers", [])] for made in (self._old, self._new))
        for url in before:
            if url not in after:
                yield Change("server-removed", "servers", "", f"{url} is gone", breaking=True)

    def _operation(self, where: str, old: Json, new: Json) -> Iterator[Change]:
        if old.get("operationId") != new.get("operationId"):
            detail = (
                f"{old.get('operationId')} became {new.get('operationId')}: generated clients have another name for it"
            )
            yield Change("operation-id-changed", where, "", detail, breaking=True)
        yield from self._security(where, old, new)
        if "x-rule" in old and "x-rule" in new and old["x-rule"] != new["x-rule"]:
            # Whether a rule lets fewer callers in or more, nobody can tell from its text; both are to be looked at.
            yield Change("rule-changed", where, "x-rule", f"{old['x-rule']} became {new['x-rule']}", breaking=True)
        if bool(old.get("deprecated")) != bool(new.get("deprecated")):
            yield Change(
                "deprecation-changed", where, "", f"deprecated is {bool(new.get('deprecated'))}", breaking=False
            )
        yield from self._parameters(where, old, new)
        yield from self._body(where, self._body_of(self._old, old), self._body_of(self._new, new))
        yield from self._responses(where, old.get("responses", {}), new.get("responses", {}))

    def _security(self, where: str, old: Json, new: Json) -> Iterator[Change]:
        before, after = _security_alternatives(self._old, old), _security_alternatives(self._new, new)
        if before != after:
            # Without any way to name a caller, everybody is let in.
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
                # A query parameter that nobody knows is refused, another one is passed over.
                yield Change("parameter-removed", where, part, "it is gone", breaking=place == "query")
            elif key not in before:
                required = bool(after[key].get("required"))
                kind = "required-parameter-added" if required else "parameter-added"
                yield Change(kind, where, part, "it is new", breaking=required)
            else:
                yield from self._needs(where, part, before[key], after[key], "parameter")
                yield from self._schema("in", where, part, before[key].get("schema", {}), after[key].get("schema", {}))

    def _needs(self, where: str, part: str, old: Json, new: Json, what: str) -> Iterator[Change]:
        if bool(old.get("required")) != bool(new.get("required")):
            required = bool(new.get("required"))
            kind = f"{what}-became-{'required' if required else 'optional'}"
            yield Change(
                kind, where, part, "it must be sent now" if required else "it may be left out now", breaking=required
            )

    def _body_of(self, document: Json, operation: Json) -> Json | None:
        body = operation.get("requestBody")
        return None if body is None else resolve(document, body)

    def _body(self, where: str, old: Json | None, new: Json | None) -> Iterator[Change]:
        if old is None and new is None:
            return
        if old is None or new is None:
            breaking = new is None or bool(new.get("required"))
            kind, detail = ("body-removed", "it is not read any more") if new is None else ("body-added", "it is new")
            yield Change(kind, where, "body", detail, breaking=breaking)
            return
        yield from self._needs(where, "body", old, new, "body")
        yield from self._contents("in", where, "body", old.get("content", {}), new.get("content", {}))

    def _responses(self, where: str, old: Json, new: Json) -> Iterator[Change]:
        for status in sorted(old.keys() | new.keys()):
            part = f"response {status}"
            # Of errors a caller knows the class at the least; what he does with a success hangs on its status.
            is_success = status[0] in "123d"
            if status not in new:
                yield Change("status-removed", where, part, "it is not answered any more", breaking=is_success)
            elif status not in old:
                yield Change("status-added", where, part, "it is answered now", breaking=is_success)
            else:
                before, after = resolve(self._old, old[status]), resolve(self._new, new[status])
                yield from self._contents("out", where, part, before.get("content", {}), after.get("content", {}))
                yield from self._headers(where, part, before.get("headers", {}), after.get("headers", {}))

    def _headers(self, where: str, part: str, old: Json, new: Json) -> Iterator[Change]:
        before, after = ({name.lower(): each for name, each in headers.items()} for headers in (old, new))
        for name in sorted(before.keys() | after.keys()):
            named = f"{part} header {name}"
            if name not in after:
                yield Change("header-removed", where, named, "it is gone", breaking=True)
            elif name not in before:
                yield Change("header-added", where, named, "it is new", breaking=False)
            else:
                left, right = resolve(self._old, before[name]), resolve(self._new, after[name])
                if bool(left.get("required")) != bool(right.get("required")):
                    sent = bool(right.get("required"))
                    kind = "header-became-required" if sent else "header-became-optional"
                    detail = "it is always there now" if sent else "it may be missing now"
                    yield Change(kind, where, named, detail, breaking=not sent)
                yield from self._schema("out", where, named, left.get("schema", {}), right.get("schema", {}))

    def _contents(self, way: Literal["in", "out"], where: str, part: str, old: Json, new: Json) -> Iterator[Change]:
        for media in sorted(old.keys() | new.keys()):
            if media not in new:
                yield Change("media-type-removed", where, part, f"{media} is gone", breaking=True)
            elif media not in old:
                yield Change("media-type-added", where, part, f"{media} is new", breaking=False)
            else:
                yield from self._schema(way, where, part, old[media].get("schema", {}), new[media].get("schema", {}))

    def _schema(self, way: Literal["in", "out"], where: str, part: str, old: Any, new: Any) -> Iterator[Change]:
        for each in self._schemas.compare(old, new):
            place = part if each.pointer == "#" else f"{part} {each.pointer}"
            yield Change(each.kind, where, place, each.detail, breaking=each.narrows if way == "in" else each.widens)


def _operations(document: Json) -> dict[tuple[str, str], tuple[str, Json]]:
    """By path and method. What a path's parameters are called is no matter to who calls it."""
    found: dict[tuple[str, str], tuple[str, Json]] = {}
    for path, item in document.get("paths", {}).items():
        shared = item.get("parameters", [])
        for method in _METHODS:
            if method in item:
                made = {**item[method], "parameters": [*shared, *item[method].get("parameters", [])], "path": path}
                found[re.sub(r"\{[^}]*\}", "{}", path), method] = (f"{method.upper()} {path}", made)
    return found


def _parameters(document: Json, operation: Json) -> dict[tuple[str, str], Json]:
    """By place and name; those of a path by their number, under which its text has them."""
    order = re.findall(r"\{([^}]*)\}", operation["path"])
    found: dict[tuple[str, str], Json] = {}
    for each in operation["parameters"]:
        parameter = resolve(document, each)
        place, name = parameter["in"], parameter["name"]
        if place == "path" and name in order:
            name = str(order.index(name) + 1)
        found[place, name.lower() if place == "header" else name] = parameter
    return found


def _security_alternatives(document: Json, operation: Json) -> set[frozenset[str]]:
    """Each way is the schemes that it takes together, by what they are and not by their names."""
    schemes: Mapping[str, Json] = document.get("components", {}).get("securitySchemes", {})
    ways: set[frozenset[str]] = set()
    for requirement in operation["security"] if "security" in operation else document.get("security", []):
        ways.add(frozenset(_scheme(schemes.get(name, {}), name, scopes) for name, scopes in requirement.items()))
    return set() if frozenset() in ways else ways


def _scheme(scheme: Json, name: str, scopes: list[str]) -> str:
    told = [str(scheme[key]) for key in ("type", "scheme", "in", "name", "openIdConnectUrl") if key in scheme]
    return " ".join([*(told or [name]), *sorted(scopes)])
