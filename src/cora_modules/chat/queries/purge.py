"""SQL of the purge, for the role app_service."""

PURGE = "select chat.purge(%(batch)s)"
