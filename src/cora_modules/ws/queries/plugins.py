"""SQL of the plugins of a workspace."""

LIST_PLUGINS = """
select p.module, p.enabled, p.enabled_from, p.sys_enabled, p.org_enabled, p.ws_enabled, p.config
from ws.plugins(%(ws_id)s) p
"""

GET_PLUGIN = LIST_PLUGINS + "where p.module = %(module)s"

SET_PLUGIN = "select ws.set_plugin(%(ws_id)s, %(module)s, %(enabled)s, %(config)s)"
