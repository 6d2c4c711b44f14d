"""The commands of `org-common`, a group or a theme a file. Each imports its tool when it runs."""
