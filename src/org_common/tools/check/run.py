"""Runs the check for a project: on a database of a URL, or on a new one that it migrates and removes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from org_common.app import App
from org_common.config.settings import Settings
from org_common.tools.check.check import Progress, Report, check
from org_common.tools.check.planner import open_planner
from org_common.tools.database.local import provision
from org_common.tools.database.migrations import load
from org_common.tools.database.postgres import EmbeddedPostgres
from org_common.tools.project.project import Project

Say = Callable[[str], None]


def check_project(
    project: Project, apps: list[App], url: str | None, *, say: Say, on_progress: Progress = lambda done, total: None
) -> Report:
    """Check the project's statements. Without a URL, on an embedded server with all migrations of the project.

    Raises `ToolError` for a server, a migration or a URL that fails.
    """
    with _database(project, url, say) as database, open_planner(database, search_path()) as planner:
        return check(project, apps, planner, on_progress)


@contextmanager
def _database(project: Project, url: str | None, say: Say) -> Iterator[str]:
    if url is not None:
        yield url
        return
    migrations = load(project.migrations, root=project.root)
    say("Starting PostgreSQL, applying migrations …")
    with EmbeddedPostgres.start(durable=False, extensions=project.extensions) as server:
        yield provision(server.url, "org_common_check", migrations, extensions=project.extensions).admin_url


def search_path() -> str:
    """That of the functions, which statements are written for."""
    return os.environ.get("ORG_COMMON_SEARCH_PATH", Settings().search_path)
