"""The pytest plugin: a real PostgreSQL per session, and a new migrated database for each test that requests one."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import psycopg

    from org_common.app import App
    from org_common.testing.client import Client, Person
    from org_common.testing.projects import Templates
    from org_common.testing.two_tenants import TwoTenants
    from org_common.tools.database.local import LocalDatabase


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option `--database-url`."""
    group = parser.getgroup("org-common")
    group.addoption(
        "--database-url",
        default=os.environ.get("DATABASE_URL"),
        help="superuser URL of the PostgreSQL server to test on, also read from DATABASE_URL; by default, an embedded"
        " server is started",
    )
    group.addoption("--sql", action="store_true", help="show the statements of a test that fails, without their values")
    group.addoption(
        "--rule-coverage", action="store_true", help="list routes whose access rule was never allowed, or never denied"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Read `.env` of the project, and register what the options ask for."""
    from org_common.tools.project import dotenv

    dotenv.load(_start(config))
    if config.getoption("--sql") or config.getoption("--rule-coverage"):
        from org_common.testing.watched import Watch

        watch = Watch(sql=bool(config.getoption("--sql")), rules=bool(config.getoption("--rule-coverage")))
        config.pluginmanager.register(watch, "org-common-watch")


def pytest_runtest_setup() -> None:
    """Collect PostgreSQL's errors of this test's requests, with advice."""
    if (pipeline := sys.modules.get("org_common.pipeline")) is not None:
        from org_common.tools.database import advice

        pipeline.recorded = []  # type: ignore[attr-defined]
        advice.install()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    call: pytest.CallInfo[None],
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Begin the report of an SQL error with PostgreSQL's sentence, show the SQL with a caret, and fold the SDK."""
    failed = None if call.excinfo is None else _database_error(call.excinfo)
    if failed is not None:
        _hide_sdk()
    report = yield
    if report.failed:
        _explain(report, failed)
    return report


def _explain(report: pytest.TestReport, failed: BaseException | None) -> None:
    recorded = getattr(sys.modules.get("org_common.pipeline"), "recorded", None) or []
    own: list[str] = []
    if failed is not None:
        from org_common.telemetry.causes import explained

        own = explained(failed)
    shown = [*(["\n".join(own)] if own else []), *recorded]
    if shown:
        report.sections.append(("PostgreSQL", "\n\n".join(shown)))
    crash = getattr(report.longrepr, "reprcrash", None)
    if own and crash is not None:
        # The line of the short summary.
        crash.message = own[0]


def _database_error(excinfo: pytest.ExceptionInfo[BaseException]) -> BaseException | None:
    if "org_common.db" not in sys.modules:
        return None
    from org_common.telemetry.causes import database_error

    return database_error(excinfo.value)


def _hide_sdk() -> None:
    """Hide the SDK's frames in the traceback of an SQL error; `--full-trace` shows them."""
    for name, module in [*sys.modules.items()]:
        if name.startswith("org_common.") and not hasattr(module, "__tracebackhide__"):
            module.__tracebackhide__ = lambda excinfo: _database_error(excinfo) is not None  # type: ignore[attr-defined]


def pytest_collection_finish(session: pytest.Session) -> None:
    """End the run when an app of a project that the tests import has a route that can never work."""
    if "org_common.app" not in sys.modules:
        return
    from org_common.app import App
    from org_common.tools.project.project import Project, ProjectError

    for root in _roots(session):
        try:
            project = Project.find(root)
        except ProjectError:
            # Its table is broken: the fixtures say so to the tests that use them.
            continue
        named = [
            getattr(sys.modules.get(name.partition(":")[0]), name.partition(":")[2], None) for name in project.apps
        ]
        apps = [app for app in named if isinstance(app, App)]
        if apps:
            from org_common.tools.openapi.declarations import check

            with _exit_on_error():
                check(apps)


def _roots(session: pytest.Session) -> list[Path]:
    """The folders of the projects whose tests run."""
    from org_common.testing.projects import nearest

    found = dict.fromkeys(nearest(folder) for folder in dict.fromkeys(item.path.parent for item in session.items))
    return [root for root in dict.fromkeys((nearest(_start(session.config)), *found)) if root is not None]


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Iterator[str]:
    """The superuser URL of the PostgreSQL server for the tests. An embedded server is removed at the end."""
    url: str | None = request.config.getoption("--database-url")
    if url:
        from org_common.tools.database.schema import session

        with _exit_on_error("--database-url, or DATABASE_URL: "), session(url, "test"):
            pass
        yield url
        return
    from org_common.tools.database.postgres import EmbeddedPostgres

    with _exit_on_error():
        from org_common.testing.projects import extensions

        server = EmbeddedPostgres.start(durable=False, extensions=extensions(_roots(request.session)))
    with server:
        yield server.url


@pytest.fixture(scope="session")
def _templates(postgres: str) -> Iterator[Templates]:
    """The migrated database of each project."""
    from org_common.testing.projects import Templates

    templates = Templates(postgres)
    yield templates
    templates.drop()


@pytest.fixture(scope="session")
def database_template(_templates: Templates, pytestconfig: pytest.Config) -> LocalDatabase:
    """A database with all migrations of the project in pyproject.toml. For copies only: do not connect to it."""
    with _exit_on_error():
        return _templates.of(_start(pytestconfig))


@pytest.fixture
def database(request: pytest.FixtureRequest, _templates: Templates) -> Iterator[LocalDatabase]:
    """A migrated, empty database for one test. It is a copy, so the code under test can commit its transactions."""
    from org_common.testing.projects import nearest
    from org_common.tools.database.local import clone, drop

    own, usual = nearest(request.path.parent), nearest(_start(request.config))
    if own is None or own == usual:
        template: LocalDatabase = request.getfixturevalue("database_template")
    else:
        with _exit_on_error():
            template = _templates.of(own)
    copy = clone(template, f"test_{uuid.uuid4().hex}")
    yield copy
    # What the test has opened by the environment's settings: the next test has another database.
    for name in ("org_common.db.database", "org_common.db.service"):
        if module := sys.modules.get(name):
            module.use(None)
    drop(copy)


@pytest.fixture
def client(database: LocalDatabase) -> Iterator[Callable[..., Client]]:
    """`client(app, person="alice")`: a `Client` of an app, which uses this test's `database` until the test ends."""
    from org_common.testing.client import Client

    served: set[App] = set()
    with ExitStack() as stack:

        def connect(app: App, *, person: Person | str | None = None) -> Client:
            if app not in served:
                stack.enter_context(database.serve(app))
                served.add(app)
            return Client(app, person=person)

        yield connect


@pytest.fixture(scope="session")
def two_tenants(database_template: LocalDatabase, pytestconfig: pytest.Config) -> Iterator[TwoTenants]:
    """Two tenants with people and rows in every table, made from the catalog and the project's isolation.toml."""
    from org_common.testing.two_tenants import TwoTenants
    from org_common.tools.database.local import clone, drop
    from org_common.tools.project.project import Project
    from org_common.tools.prove.database import transaction
    from org_common.tools.prove.declaration import read
    from org_common.tools.prove.files import find
    from org_common.tools.prove.proof import prepare

    copy = clone(database_template, f"tenants_{uuid.uuid4().hex}")
    with transaction(copy.admin_url) as conn:
        yield TwoTenants(prepare(conn, read(find(Project.find(_start(pytestconfig))))))
    drop(copy)


@pytest.fixture(scope="session")
def as_user(two_tenants: TwoTenants) -> Callable[..., AbstractContextManager[psycopg.Connection]]:
    """`as_user(name, tenant="a")`: a connection of a person in isolation.toml, rolled back after the block."""
    return two_tenants.as_user


@pytest.fixture(scope="session")
def assert_isolated(two_tenants: TwoTenants) -> Callable[[str], None]:
    """`assert_isolated(table)`: asserts what `org-common db prove` does about a table, a view or a function."""
    return two_tenants.assert_isolated


def _start(config: pytest.Config) -> Path:
    """Where to look for the project: in the folder of the tests that were asked for, or the current one.

    Not pytest's rootdir, which is where pytest found its configuration: it may be a folder further up.
    """
    here = config.invocation_params.dir
    for argument in config.args:
        folder = here / argument.partition("::")[0]
        if folder.exists():
            return folder if folder.is_dir() else folder.parent
    return here


@contextmanager
def _exit_on_error(where: str = "") -> Iterator[None]:
    """End the run with one message. Otherwise each test would fail with a traceback that shows URLs with passwords."""
    from org_common.tools.project.project import ToolError

    try:
        yield
    except ToolError as error:
        pytest.exit(f"{where}{error}", returncode=pytest.ExitCode.TESTS_FAILED)
