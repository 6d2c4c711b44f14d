"""The one casing boundary: snake_case inside, camelCase outside."""


def camel(name: str) -> str:
    """`org_id` as it is called outside: `orgId`."""
    first, *rest = name.split("_")
    return first + "".join([part.capitalize() for part in rest])
