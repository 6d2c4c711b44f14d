"""The user's project: its pyproject.toml, modules, apps and routes."""
