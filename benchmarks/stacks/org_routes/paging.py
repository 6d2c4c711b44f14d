"""Keyset pages, sorted by name and id."""

import base64
import json
from uuid import UUID

from org_routes.models import Workspace, WorkspacePage
from org_routes.problems import Problem


def decode(cursor):
    """Name and id of the last row of the previous page; None for the first page."""
    if cursor is None:
        return None
    try:
        name, id = json.loads(base64.urlsafe_b64decode(cursor))
        return str(name), UUID(id)
    except (ValueError, TypeError, AttributeError):
        raise Problem("invalid_cursor") from None


def page(rows, limit):
    """The page of these rows, of which there is one more if another page follows."""
    items = [Workspace(**row) for row in rows[:limit]]
    if len(rows) <= limit:
        return WorkspacePage(items=items, next_cursor=None)
    last = json.dumps([items[-1].name, str(items[-1].id)])
    return WorkspacePage(items=items, next_cursor=base64.urlsafe_b64encode(last.encode()).decode())
