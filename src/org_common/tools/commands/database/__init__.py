"""Commands of `org-common db` that examine a project: one file each."""
