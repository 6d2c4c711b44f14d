"""The access to a chat, and the access rules that require it."""

from typing import Literal, get_args

from org_common import Ladder

ChatAccess = Literal["view", "edit"]
"""What a member may do with a chat, least first: the values of the SQL type `app.chat_access`."""

ChatCheck: Ladder[ChatAccess] = Ladder(
    "app.has_chat_access", parameter="chat_id", roles=get_args(ChatAccess), name="ChatCheck"
)
"""Requires at least this access to the chat of the path: `ChatCheck("edit")` with `/chats/{chat_id}`.

The owner may edit. A caller who does not see the chat gets a 404, one who may only view it a 403.
"""
