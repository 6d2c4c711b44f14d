"""The database of a proof: one of its own, or an existing one that is left as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from org_common.tools.database.schema import scalar, session
from org_common.tools.project.project import Project, ToolError, make_importable


@contextmanager
def transaction(url: str) -> Iterator[psycopg.Connection]:
    """A transaction of a role that bypasses row-level security, which is rolled back at the end."""
    with session(url, "prove") as conn:
        if not scalar(conn, "select rolsuper or rolbypassrls from pg_roles where rolname = current_user"):
            raise ToolError(
                f"{conn.info.user} does not bypass row-level security, so it cannot make the rows of a proof: use the"
                " URL of a superuser or of a role with BYPASSRLS, such as postgres"
            )
        with conn.transaction(force_rollback=True):
            yield conn


@contextmanager
def migrated(project: Project) -> Iterator[str]:
    """The superuser URL of a new embedded database with all migrations of the project."""
    from org_common.tools.database.local import provision
    from org_common.tools.database.migrations import load
    from org_common.tools.database.postgres import EmbeddedPostgres

    make_importable(project)
    migrations = load(project.migrations, root=project.root)
    with EmbeddedPostgres.start(durable=False, extensions=project.extensions) as server:
        yield provision(server.url, "prove", migrations, extensions=project.extensions).admin_url
