"""SQL of the purge, for the role app_service."""

PURGE = "select kb.purge(%(batch)s)"

REMOVED_FILES = "select coalesce(array_agg(f.storage_key), '{}') from kb.removed_files(%(batch)s) f (storage_key)"

FORGET_FILES = "select kb.forget_files(%(storage_keys)s)"
