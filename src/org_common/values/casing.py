"""Conversion between snake_case names in Python and SQL and camelCase names over HTTP."""


def camel(name: str) -> str:
    """The camelCase name over HTTP: `orgId` for `org_id`."""
    first, *rest = name.split("_")
    return first + "".join([part.capitalize() for part in rest])
