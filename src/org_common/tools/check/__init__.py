"""`org-common db check`: the project's SQL against the migrated database, planned and never executed."""
