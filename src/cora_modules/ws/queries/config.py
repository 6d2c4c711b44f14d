"""SQL of the settings of workspaces."""

_SYS_COLUMNS = (
    "c.label_singular, c.label_plural, c.default_color, c.default_icon, c.max_workspaces_per_user, "
    "c.max_members_per_workspace, c.retention_days"
)

GET_SYS_CONFIG = "select " + _SYS_COLUMNS + " from ws.ws_config_sys c"

SET_SYS_CONFIG = (
    """
update ws.ws_config_sys c
set label_singular = %(label_singular)s, label_plural = %(label_plural)s, default_color = %(default_color)s,
  default_icon = %(default_icon)s, max_workspaces_per_user = %(max_workspaces_per_user)s,
  max_members_per_workspace = %(max_members_per_workspace)s, retention_days = %(retention_days)s
returning """
    + _SYS_COLUMNS
)

GET_ORG_CONFIG = """
select c.allow_user_creation, c.max_workspaces_per_user, c.effective_max_workspaces_per_user
from ws.org_config(%(org_id)s) c
"""

SET_ORG_CONFIG = """
insert into ws.ws_config_org (org_id, allow_user_creation, max_workspaces_per_user)
values (%(org_id)s, %(allow_user_creation)s, %(max_workspaces_per_user)s)
on conflict (org_id) do update
set allow_user_creation = excluded.allow_user_creation, max_workspaces_per_user = excluded.max_workspaces_per_user
"""
