"""Markers of parameters: in which part of the request a value is, and its constraints."""

from __future__ import annotations

from typing import Any

_CONSTRAINTS = frozenset({"ge", "gt", "le", "lt", "multiple_of", "min_length", "max_length", "pattern"})


class Query:
    """Marks a parameter of the query string, with constraints: `Annotated[int, Query(ge=1)]`."""

    where = "query"
    alias: str | None
    """The name in the URL; by default the parameter's name in camelCase."""
    constraints: dict[str, Any]
    """pydantic's: `ge`, `gt`, `le`, `lt`, `multiple_of`, `min_length`, `max_length`, `pattern`."""

    def __init__(self, alias: str | None = None, **constraints: Any) -> None:
        if not (alias is None or isinstance(alias, str)) or not _CONSTRAINTS.issuperset(constraints):
            from org_common.handlers.misuse import marker_error

            raise marker_error(type(self).__name__, alias, constraints)
        self.alias = alias
        self.constraints = constraints

    def __repr__(self) -> str:
        from org_common.handlers.misuse import spell_marker

        return spell_marker(type(self).__name__, self.alias, self.constraints)


class Header(Query):
    """Marks a request header. Without `alias` it is the parameter's name with dashes: `x-request-id`."""

    where = "header"


class Cookie(Query):
    """Marks a cookie. Without `alias` it is the parameter's name, unchanged."""

    where = "cookie"


class Form:
    """Marks a model that is sent as a form (`application/x-www-form-urlencoded`): `Annotated[Login, Form()]`."""

    def __repr__(self) -> str:
        return "Form()"
