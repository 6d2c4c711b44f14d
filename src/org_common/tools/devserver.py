"""`org-common dev`: the project's apps on 127.0.0.1, on a real PostgreSQL, with people to sign in as."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType

from org_common.asgi import Asgi
from org_common.db.database import Database
from org_common.db.pool import Pooled
from org_common.environment import ALLOW_PLAIN
from org_common.settings import Settings
from org_common.telemetry.requests import observe
from org_common.tools.apps import load as load_apps
from org_common.tools.issuer import ISSUER, LocalIssuer, subject
from org_common.tools.local import LocalDatabase, provision
from org_common.tools.migrations import load
from org_common.tools.openapi.explorer import Explorer
from org_common.tools.postgres import EmbeddedPostgres
from org_common.tools.programs import PostgresError
from org_common.tools.project import Project, ToolError, importable

DATABASE = "dev"
# From the process that holds the database to the one that serves and is started again with each change of a file.
DATA_VARIABLE = "ORG_COMMON_DEV_DATA"


def data_folder(project: Project, data: Path | None) -> Path:
    """Where database and issuer's key live: the folder asked for, or `.org-common` in the project."""
    return (data or project.root / ".org-common").absolute()


@contextmanager
def database(project: Project, data: Path, *, reset_logins: bool = False) -> Iterator[LocalDatabase]:
    """The project's database, migrated and with its demo data: on the server of DATABASE_URL, or on our own.

    `reset_logins`: as for `provision`.
    """
    given = os.environ.get("DATABASE_URL")
    migrations = load(project.migrations, root=project.root)
    if given:
        yield _seeded(project, provision(given, DATABASE, migrations, reset_logins=reset_logins))
        return
    try:
        server = EmbeddedPostgres.start(data / "postgres")
    except PostgresError as error:
        raise ToolError(str(error)) from error
    with server:
        yield _seeded(project, provision(server.url, DATABASE, migrations))


def demo(project: Project) -> ModuleType | None:
    """The project's demo module: `PEOPLE` to sign in as, `seed(conninfo, issuer)`, `tour(visit)`, `EXAMPLE`."""
    return None if project.demo is None else import_module(project.demo)


def application() -> Explorer:
    """The ASGI application of the project that the process was started in; uvicorn makes it, anew after each change."""
    project = Project.find(Path())
    apps = load_apps(project)
    settings = Settings.from_env()
    issuer = LocalIssuer.load(Path(os.environ[DATA_VARIABLE]))
    served = Asgi(apps, database=Database(settings, Pooled(settings)), authorize=issuer.authorize)

    def tokens() -> dict[str, str]:
        module = demo(project)
        return {} if module is None else {name: issuer.token(name) for name in module.PEOPLE}

    return Explorer(served, apps, title=project.name, version=project.version, tokens=tokens)


def observed() -> Explorer:
    """The application, with a line for each request on the terminal."""
    observe("text")
    return application()


def serve(project: Project, *, port: int, data: Path, reload: bool, reset_logins: bool = False) -> None:
    """Serve until interrupted. Prints one command that works as pasted."""
    import uvicorn

    # Told before anything is started: whoever serves is another process, and only prints a traceback.
    load_apps(project)
    _check_port(port)
    issuer = LocalIssuer.load(data)
    print(f"Starting PostgreSQL in {data}, applying migrations …", flush=True)
    with database(project, data, reset_logins=reset_logins) as local:
        os.environ |= environment(local, data)
        _print_welcome(project, issuer, port)
        sources = project.root / "src"
        uvicorn.run(
            "org_common.tools.devserver:observed",
            factory=True,
            host="127.0.0.1",
            port=port,
            reload=reload,
            reload_dirs=[str(sources if sources.is_dir() else project.root)] if reload else None,
            reload_excludes=[".venv", ".nox", ".org-common"] if reload else None,
            log_level="info",
            # Ours says what it took, and of what it was made.
            access_log=False,
            server_header=False,
        )


def environment(local: LocalDatabase, data: Path) -> dict[str, str]:
    """The environment variables of the serving process."""
    return {
        "ORG_COMMON_DATABASE_URL": local.login_url,
        "ORG_COMMON_CURSOR_KEYS": ",".join(key.reveal() for key in local.settings.cursor_keys),
        # Passwords of this machine's own; and a function may be run on it as Lambda would.
        ALLOW_PLAIN: "1",
        DATA_VARIABLE: str(data),
    }


def token(project: Project, name: str, data: Path) -> str:
    """A token for one of the demo's people, or for anybody where there is no demo."""
    importable(project)
    module = demo(project)
    if module is not None and name not in module.PEOPLE:
        raise ToolError(f"there is no demo user {name!r}. There are: {', '.join(module.PEOPLE)}")
    return LocalIssuer.load(data).token(name)


def _seeded(project: Project, local: LocalDatabase) -> LocalDatabase:
    module = demo(project)
    if module is not None:
        module.seed(local.admin_url, ISSUER)
    return local


def _print_welcome(project: Project, issuer: LocalIssuer, port: int) -> None:
    module = demo(project)
    print(f"\nAll routes, to read and to try: http://127.0.0.1:{port}/docs")
    if module is None:
        print(
            f"\nA token for anybody: org-common token NAME (issuer {ISSUER}, subject {subject('NAME')})\n", flush=True
        )
        return
    name, path = module.EXAMPLE
    print(f"\nPeople to sign in as: {', '.join(module.PEOPLE)}. A token of theirs: org-common token {name}\n")
    print(f"curl -H 'Authorization: Bearer {issuer.token(name)}' http://127.0.0.1:{port}{path}\n", flush=True)


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        # As uvicorn does: what lingers of a server that has ended takes no port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise ToolError(
                f"port {port} of 127.0.0.1 is taken ({error.strerror}): choose another with --port"
            ) from error
