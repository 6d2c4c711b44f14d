"""The access rules of knowledge bases."""

from org_common import Check

BASE_READER = Check("kb.can_read(%(base_id)s)")
"""Members of the base's organization or workspace, and readers of its chat. A 404 for everyone else."""
BASE_WRITER = Check("kb.can_write(%(base_id)s)")
"""`org_admin` for a base of the organization, `ws_admin` for one of a workspace, editors for one of a chat.

A reader gets a 403, everyone else a 404.
"""
