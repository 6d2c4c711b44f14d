"""`org-common db check --watch`: checks after each change, in a new process that imports the changed code."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from org_common.tools.database.local import LocalDatabase, drop, provision
from org_common.tools.database.migrations import load
from org_common.tools.database.postgres import EmbeddedPostgres
from org_common.tools.project.project import Project, ToolError, make_importable

URL_VARIABLE = "ORG_COMMON_CHECK_URL"
SKIPPED = frozenset({".git", ".nox", ".org-common", ".venv", "build", "node_modules"})
COMMAND = [sys.executable, "-c", "from org_common.tools.cli import main; main()", "db", "check"]


def watch(project: Project, options: list[str], url: str | None) -> None:
    """Check now and after each change of a Python or SQL file, until interrupted."""
    from watchfiles import watch as changes

    def is_code(change: object, path: str) -> bool:
        return path.endswith((".py", ".sql")) and not SKIPPED & set(Path(path).parts)

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    every = changes(project.root, watch_filter=is_code, raise_interrupt=False)
    with _databases(project, url) as database:
        for paths in _rounds({path for _, path in change} for change in every):
            check_once(database, options, paths, say)


def check_once(
    database: Callable[[bool], str], options: list[str], paths: set[str], say: Callable[[str], None]
) -> int | None:
    """Check in a new process; its exit code, or None if a migration failed."""
    try:
        # The first round, and one after a migration has changed, need a new database.
        url = database(not paths or any(path.endswith(".sql") for path in paths))
    except ToolError as error:
        say(f"Error: {error}")
        return None
    done = subprocess.run([*COMMAND, *options], env={**os.environ, URL_VARIABLE: url}, check=False)
    say("Waiting for changes …")
    return done.returncode


def _rounds(changes: Iterable[set[str]]) -> Iterator[set[str]]:
    yield set()
    yield from changes


@contextmanager
def _databases(project: Project, url: str | None) -> Iterator[Callable[[bool], str]]:
    """A function that returns the URL of a database, which creates it first when asked for a new one."""
    if url is not None:
        yield lambda new: url
        return
    make_importable(project)
    with EmbeddedPostgres.start(durable=False, extensions=project.extensions) as server:
        current: list[LocalDatabase] = []

        def database(new: bool) -> str:
            if new or not current:
                while current:
                    drop(current.pop())
                migrations = load(project.migrations, root=project.root)
                current.append(provision(server.url, "org_common_check", migrations, extensions=project.extensions))
            return current[0].admin_url

        yield database
