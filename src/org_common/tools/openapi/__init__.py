"""The OpenAPI document of a project, what changed in it, and a page to look at it. Never imported by a function."""
