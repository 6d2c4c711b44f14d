"""SQL of the modules of the platform, and of an organization."""

_MODULE = "m.name, m.kind, m.version, m.is_enabled, m.dependencies, m.config, m.updated_at"

LIST_MODULES = "select " + _MODULE + " from mgmt.modules m"

UPDATE_MODULE = "select " + _MODULE + " from mgmt.update_module(%(name)s, %(patch)s) m"

_ORG_MODULE = (
    "m.name, m.kind, m.version, m.dependencies, m.platform_enabled, m.enabled, m.is_enabled, m.decided_by, m.config"
)

LIST_ORG_MODULES = "select " + _ORG_MODULE + " from mgmt.resolve(%(org_id)s) m"

UPDATE_ORG_MODULE = "select " + _ORG_MODULE + " from mgmt.update_org_module(%(org_id)s, %(name)s, %(patch)s) m"
