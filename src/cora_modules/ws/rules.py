"""The roles in a workspace, and the access rules that require them."""

from typing import Literal, get_args

from org_common import Ladder

WsRole = Literal["ws_user", "ws_admin", "ws_owner"]
"""The roles in a workspace, lowest first: the values of the SQL type `app.ws_role`."""

WsCheck: Ladder[WsRole] = Ladder("app.has_ws_role", parameter="ws_id", roles=get_args(WsRole))
"""Requires at least this role in the workspace of the path: `WsCheck("ws_admin")` with `/workspaces/{ws_id}`.

A caller without a role in it gets a 404, and so does everyone once it is deleted. One with a lower role gets a 403.
"""

DeletedWsCheck: Ladder[WsRole] = Ladder(
    "app.had_ws_role", parameter="ws_id", roles=get_args(WsRole), name="DeletedWsCheck"
)
"""The same for a workspace that may be deleted: it counts the roles that the deletion removed."""
