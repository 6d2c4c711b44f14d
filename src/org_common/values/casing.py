"""The names of parameters and fields: snake_case in Python, camelCase over HTTP."""


def camel(name: str) -> str:
    """The snake_case name in camelCase: `orgId` for `org_id`."""
    first, *rest = name.split("_")
    return first + "".join([part.capitalize() for part in rest])
