"""The pytest plugin: a real PostgreSQL for the session, a fresh migrated database for each test that asks for one."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from org_common.tools.database.local import LocalDatabase


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("org-common")
    group.addoption(
        "--database-url",
        default=os.environ.get("DATABASE_URL"),
        help="superuser URL of the server to test on; by default an embedded one is started (also: DATABASE_URL)",
    )


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Iterator[str]:
    """The superuser's URL of the server that tests run on. Ours is stopped and removed at the end."""
    given: str | None = request.config.getoption("--database-url")
    if given:
        from org_common.tools.database.schema import session

        with _ends_the_run("--database-url, or DATABASE_URL: "), session(given, "test"):
            pass
        yield given
        return
    from org_common.tools.database.postgres import EmbeddedPostgres

    with _ends_the_run():
        server = EmbeddedPostgres.start(durable=False)
    with server:
        yield server.url


@pytest.fixture(scope="session")
def database_template(postgres: str, pytestconfig: pytest.Config) -> Iterator[LocalDatabase]:
    """A database with all migrations of the project (pyproject.toml, [tool.org-common]). Nobody connects to it."""
    from org_common.tools.database.local import drop, provision
    from org_common.tools.database.migrations import load
    from org_common.tools.project.project import Project, make_importable

    # Not the rootdir: that is where pytest found its own configuration, which may be a folder above.
    with _ends_the_run():
        project = Project.find(pytestconfig.invocation_params.dir)
        make_importable(project)
        template = provision(postgres, f"template_{uuid.uuid4().hex}", load(project.migrations, root=project.root))
    yield template
    drop(template)


@pytest.fixture
def database(database_template: LocalDatabase) -> Iterator[LocalDatabase]:
    """A database of this test's own, migrated and empty: a copy, not a rollback around what should be transactions."""
    from org_common.tools.database.local import clone, drop

    made = clone(database_template, f"test_{uuid.uuid4().hex}")
    yield made
    drop(made)


@contextmanager
def _ends_the_run(where: str = "") -> Iterator[None]:
    """Said once: each test would say it again, with a traceback whose arguments are URLs with passwords."""
    from org_common.tools.project.project import ToolError

    try:
        yield
    except ToolError as error:
        pytest.exit(f"{where}{error}", returncode=pytest.ExitCode.TESTS_FAILED)
