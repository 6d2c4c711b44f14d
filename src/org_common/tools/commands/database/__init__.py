"""Commands of `org-common db`."""
