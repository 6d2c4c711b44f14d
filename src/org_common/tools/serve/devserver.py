"""`org-common dev`: serves the project's apps on 127.0.0.1, with a real PostgreSQL and demo users."""

from __future__ import annotations

import multiprocessing
import os
import shlex
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from email.utils import parseaddr
from errno import EADDRINUSE
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType

from org_common.app import App
from org_common.asgi import Asgi
from org_common.config.settings import Settings
from org_common.config.settings_reader import ALLOW_PLAIN
from org_common.db.connections.pool import Pooled
from org_common.db.database import Database
from org_common.db.service import service_url
from org_common.telemetry.requests import observe
from org_common.tools.check.watch import URL_VARIABLE
from org_common.tools.database import advice, guard, policies
from org_common.tools.database.local import LocalDatabase, drop_database, provision
from org_common.tools.database.migrations import AddressError, HistoryError, load
from org_common.tools.database.postgres import EmbeddedPostgres
from org_common.tools.database.running import DATABASE
from org_common.tools.database.running import write as write_database
from org_common.tools.database.schema import migrate
from org_common.tools.database.statement_log import print_statements
from org_common.tools.openapi.declarations import check as check_declarations
from org_common.tools.openapi.explorer import Application, Explorer
from org_common.tools.project.apps import load as load_apps
from org_common.tools.project.project import Project, ToolError, make_importable
from org_common.tools.serve import demo_module
from org_common.tools.serve.console.actions import Actions
from org_common.tools.serve.console.console import Console
from org_common.tools.serve.console.panels import Panels
from org_common.tools.serve.console.people import People
from org_common.tools.serve.console.recorder import Recorder
from org_common.tools.serve.debugger import Patient
from org_common.tools.serve.demo_page import DemoPage
from org_common.tools.serve.fake_aws import REGION, FakeAws, start_fake_aws
from org_common.tools.serve.http_protocol import PromptProtocol
from org_common.tools.serve.invoke import write_environment
from org_common.tools.serve.issuer import KEY_FILE, LocalIssuer
from org_common.tools.serve.queues import LocalQueues, has_queues
from org_common.tools.serve.statements import start_check
from org_common.tools.serve.welcome import print_welcome

# Passes the data folder from the process that runs the database to the serving one, which restarts on file changes.
DATA_VARIABLE = "ORG_COMMON_DEV_DATA"
MIGRATOR_VARIABLE = "ORG_COMMON_MIGRATOR_URL"
# The endpoint of the fake of AWS, if the project has queues or buckets.
AWS_VARIABLE = "ORG_COMMON_DEV_AWS"
# Set to 1 to print statements: the serving process has no other arguments.
SQL_VARIABLE = "ORG_COMMON_DEV_SQL"
_started: list[LocalQueues] = []


def data_folder(project: Project, data: Path | None) -> Path:
    """The folder for the database and the issuer's key: `data`, or `.org-common` in the project. Absolute."""
    return (data or project.root / ".org-common").absolute()


@contextmanager
def database(
    project: Project, data: Path, *, reset_logins: bool = False, fresh: bool = False
) -> Iterator[LocalDatabase]:
    """The project's database, migrated and seeded, on the server of DATABASE_URL or on an embedded one.

    `reset_logins` is that of `provision`; `fresh` drops the database first, on the embedded server only. Raises
    `ToolError` if the server, a migration or the demo module fails.
    """
    server_url = os.environ.get("DATABASE_URL")
    migrations = load(project.migrations, root=project.root)
    module = demo_module.find(project)
    if server_url:
        if fresh:
            raise ToolError(f"--fresh is for the embedded server: unset DATABASE_URL, or drop the database {DATABASE}")
        _say("Using the server of DATABASE_URL, applying migrations …")
        try:
            local = provision(
                server_url,
                DATABASE,
                migrations,
                extensions=project.extensions,
                reset_logins=reset_logins,
                say=_say,
            )
        except AddressError as error:
            raise ToolError(f"DATABASE_URL: {error}") from error
        except HistoryError as error:
            raise _history_error(error, data) from error
        if module is not None:
            demo_module.seed(module, local.admin_url)
        yield local
        return
    _say(f"Starting PostgreSQL in {data}, applying migrations …")
    with EmbeddedPostgres.start(data / "postgres", extensions=project.extensions) as server:
        if fresh:
            drop_database(server.url, DATABASE)
        try:
            local = provision(server.url, DATABASE, migrations, extensions=project.extensions)
        except HistoryError as error:
            raise _history_error(error, data) from error
        if module is not None:
            demo_module.seed(module, local.admin_url)
        yield local


def _history_error(error: HistoryError, data: Path) -> ToolError:
    if os.environ.get("DATABASE_URL"):
        return ToolError(f"{error}\nTo start over without the data, drop the database {DATABASE}")
    folder = shlex.quote(str(data))
    return ToolError(
        f"{error}\nTo apply an edited file again and keep the rows, run `org-common db redo --data {folder}`"
        f"\nTo start over without the data, run `org-common dev --fresh --data {folder}`, which drops its database"
    )


def application() -> Application:
    """The ASGI application for the project of the current folder. uvicorn calls this again after each file change."""
    project = Project.find(Path())
    apps = load_apps(project)
    check_declarations(apps)
    settings = Settings.from_env()
    issuer = LocalIssuer.load(Path(os.environ[DATA_VARIABLE]))
    served = Asgi(apps, database=(shared := Database(settings, Pooled(settings))), authorize=issuer.authorize)
    if endpoint := os.environ.get(AWS_VARIABLE):
        _start_queues(FakeAws(endpoint), apps, shared, settings)

    def tokens() -> dict[str, str]:
        module = demo_module.find(project)
        return {} if module is None else {name: issuer.token(name) for name in module.PEOPLE}

    explorer = Explorer(served, apps, title=project.name, version=project.version, tokens=tokens)
    page = demo_module.page_of(module := demo_module.find(project))
    pages = explorer if page is None else DemoPage(explorer, apps, page, aws_url=endpoint)
    people = People(() if module is None else module.PEOPLE, issuer)
    recorder = Recorder(people.by_subject)
    return Console(pages, apps, recorder, _actions(recorder, people, apps))


def _actions(recorder: Recorder, people: People, apps: Sequence[App]) -> Actions:
    """What the console does on a click, with the same logins as the apps."""
    service = os.environ["ORG_COMMON_SERVICE_DATABASE_URL"]
    urls = {"": os.environ["ORG_COMMON_DATABASE_URL"], "app_service": service}
    return Actions(recorder, people, urls, Panels(apps, service, _started[-1] if _started else None))


def _start_queues(aws: FakeAws, apps: Sequence[App], database: Database, settings: Settings) -> None:
    """Poll the project's queues in threads of this process, which ends when a file changes."""
    service = Database(settings, Pooled(settings, service_url(settings)))
    for app in apps:
        app.use(database, service=service)
    queues = LocalQueues(aws, apps, os.environ["ORG_COMMON_SERVICE_DATABASE_URL"])
    queues.start()
    _started.append(queues)


def stop_queues() -> None:
    """Stop what `application` has started."""
    while _started:
        _started.pop().stop()


def observed_application() -> Application:
    """The application, with one log line per request on the terminal."""
    if (parent := multiprocessing.parent_process()) is not None:
        threading.Thread(target=_end_after, args=(parent,), daemon=True).start()
    observe("text")
    advice.install()
    if os.environ.get(SQL_VARIABLE):
        print_statements()
    try:
        _migrate(Project.find(Path()), Path(os.environ[DATA_VARIABLE]))
        check_security(os.environ["ORG_COMMON_DATABASE_URL"])
        served = application()
        start_check(_say)
        return Patient(served)
    except ToolError as error:
        # Exit without a traceback through uvicorn. The reloader then waits for the file to be fixed.
        sys.exit(f"Error: {error}")


def _migrate(project: Project, data: Path) -> None:
    """Apply the migrations that were added since the start: the reloaded code may need them."""
    make_importable(project)
    migrations = load(project.migrations, root=project.root)
    try:
        migrate(os.environ[MIGRATOR_VARIABLE], migrations, on_apply=lambda each: _say(f"applied {each}"))
    except HistoryError as error:
        raise _history_error(error, data) from error


def check_security(login_url: str) -> bool:
    """Print what `org-common db guard` finds in the database. True if nothing lets a tenant see another one's rows."""
    violations = guard.check_database(login_url)
    for violation in violations:
        _say(f"violation: {violation}")
    for warning in policies.check_policies(login_url, guard.ROLES):
        _say(f"warning: {warning}")
    return not violations


def _end_after(parent: BaseProcess) -> None:
    """Exit when the parent process is gone. A killed parent does not stop its children, and its database is gone."""
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)


def serve(
    project: Project, *, port: int, data: Path, reload: bool, reset_logins: bool = False, fresh: bool = False
) -> None:
    """Serve until interrupted. Prints a command that works when pasted.

    Raises `ToolError` if the project cannot be loaded, the port is taken or the database cannot be started.
    """
    import uvicorn

    # Report errors before anything starts: the serving process could only print a traceback.
    apps = load_apps(project)
    check_declarations(apps)
    _check_port(port)
    issuer = LocalIssuer.load(data)
    with database(project, data, reset_logins=reset_logins, fresh=fresh) as local, ExitStack() as stack:
        variables = environment(local, data) | start_aws(apps, stack, demo_module.find(project))
        stack.callback(write_environment(data, variables).unlink)
        stack.callback(write_database(data, local).unlink, missing_ok=True)
        os.environ |= variables | {MIGRATOR_VARIABLE: local.migrator_url, URL_VARIABLE: local.admin_url}
        shown = None if data == data_folder(project, None) else data
        threading.Thread(target=print_welcome, args=(project, issuer, port, shown), daemon=True).start()
        uvicorn.run(
            "org_common.tools.serve.devserver:observed_application",
            factory=True,
            host="127.0.0.1",
            port=port,
            http=PromptProtocol,
            reload=reload,
            reload_dirs=_watched_folders(project) if reload else None,
            reload_includes=["*.py", "*.sql"] if reload else None,
            reload_excludes=[".venv", ".nox", ".org-common"] if reload else None,
            log_level="info",
            # Our request log has the duration and its parts.
            access_log=False,
            server_header=False,
            # An open stream would delay a restart for as long as the browser keeps it.
            timeout_graceful_shutdown=2,
        )


def start_aws(apps: Sequence[App], stack: ExitStack, module: ModuleType | None) -> dict[str, str]:
    """Start a fake of AWS if a trigger needs one; returns the variables with which boto3 talks to it.

    The demo module's `BUCKETS` are created: variables of the environment, and the names of their buckets.
    """
    if not has_queues(apps):
        return {}
    try:
        aws = stack.enter_context(start_fake_aws())
    except ToolError as error:
        _say(f"Without queues: {error}")
        return {}
    buckets: dict[str, str] = getattr(module, "BUCKETS", {})
    for name in buckets.values():
        location = {"LocationConstraint": REGION}
        aws.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration=location)
    _verify_senders(aws)
    return {**aws.environ, **buckets, AWS_VARIABLE: aws.url}


def _verify_senders(aws: FakeAws) -> None:
    """Let the fake accept e-mail from the addresses in variables such as MAIL_FROM. It sends none."""
    for name, value in os.environ.items():
        address = parseaddr(value)[1] if name.endswith("_FROM") else ""
        if "@" in address:
            aws.client("sesv2").create_email_identity(EmailIdentity=address)


def _watched_folders(project: Project) -> list[str]:
    """The folder with the code, and the folders of migrations."""
    sources = project.root / "src"
    folders = [sources if sources.is_dir() else project.root]
    for package in project.migrations:
        folder = project.root / Path(package.rpartition("=")[2]).expanduser()
        if folder.is_dir() and not folder.is_relative_to(folders[0]):
            folders.append(folder)
    return [str(folder) for folder in folders]


def environment(local: LocalDatabase, data: Path) -> dict[str, str]:
    """The environment variables for the serving process."""
    return {
        "ORG_COMMON_DATABASE_URL": local.login_url,
        "ORG_COMMON_SERVICE_DATABASE_URL": local.service_url,
        "ORG_COMMON_CURSOR_KEYS": ",".join(key.reveal() for key in local.settings.cursor_keys),
        # Local passwords only. Also applies to a function that runs locally in a simulated Lambda environment.
        ALLOW_PLAIN: "1",
        DATA_VARIABLE: str(data),
    }


def token(project: Project, name: str, data: Path) -> str:
    """A token for a demo user; for any name if the project has no demo. `ToolError` for an unknown demo user."""
    make_importable(project)
    module = demo_module.find(project)
    if module is not None and name not in module.PEOPLE:
        raise ToolError(f"there is no demo user {name!r}. Demo users: {', '.join(module.PEOPLE)}")
    if not (data / KEY_FILE).exists():
        raise ToolError(
            f"{data} has no key of a token issuer: start `org-common dev` first, which creates it, with the same --data"
        )
    return LocalIssuer.load(data).token(name)


def _say(text: str) -> None:
    """Print progress to stderr; stdout is for a command's result."""
    print(text, file=sys.stderr, flush=True)


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        # As uvicorn does: connections in TIME_WAIT do not block the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            problem = "is in use" if error.errno == EADDRINUSE else "is not available"
            raise ToolError(
                f"port {port} of 127.0.0.1 {problem} ({error.strerror}): choose another one with --port"
            ) from error
