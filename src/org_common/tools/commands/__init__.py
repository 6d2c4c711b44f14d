"""The `org-common` subcommands, one group or topic per file. Each imports its tool when it runs."""
