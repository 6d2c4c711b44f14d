"""SQL of the purge, for the role app_service."""

PURGE = "select ws.purge(%(batch)s)"
