"""Workspaces of an organization: members, settings and plugins."""
