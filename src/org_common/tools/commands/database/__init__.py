"""The subcommands of `org-common db` that check a database, one per file."""
