"""The audit trail of administrators' reads: they run read-only, so they write a log line and not a row."""

from __future__ import annotations

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Mapping

    from org_common.values.identity import Identity

_PREFIX = "/admin/sys"


def log_sys_read(method: str, path: str, values: Mapping[str, object], identity: Identity | None) -> None:
    """Log one structured line: who read which resource, without its content.

    `path` is the route's, as declared, and `values` are its parameters. `what` are its other segments: `users` for
    "/admin/sys/users/{user_id}". `id` is None for a list, and has a slash between several parameters.
    """
    # Imported by the first read of an administrator: `logging` takes a third of the import time of this package.
    import logging

    segments = (path.partition(_PREFIX)[2] or path).split("/")
    read = {
        "route": f"{method} {path}",
        "what": "/".join([each for each in segments if each and not each.startswith("{")]),
        "id": "/".join([str(value) for value in values.values()]) or None,
        "iss": None if identity is None else identity.issuer,
        "sub": None if identity is None else identity.subject,
    }
    logging.getLogger("org_common.audit").info("sys_read", extra={"sys_read": read})
