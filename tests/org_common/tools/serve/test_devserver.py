"""`org-common dev` and `token` as their user runs them. Folders lie in /tmp: pytest's is closed to root's helpers."""

import http.client
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from errno import EACCES, EADDRINUSE
from pathlib import Path
from typing import Any

import psycopg
import pytest

from org_common.config.settings import Settings
from org_common.tools.database.local import LocalDatabase
from org_common.tools.database.postgres import EmbeddedPostgres
from org_common.tools.project.project import Project, ToolError
from org_common.tools.serve import devserver
from org_common.tools.serve.fake_aws import FakeAws
from org_common.tools.serve.issuer import LocalIssuer
from org_common.values.secret import Secret

pytestmark = pytest.mark.db

REPOSITORY = Path(__file__).parents[3]
COMMAND = str(Path(sys.executable).with_name("org-common"))
PATIENCE_S = 30.0
FILES = {
    "pyproject.toml": '[tool.org-common]\napps = ["shop.hello:app"]\nmigrations = ["shop"]\ndemo = "shop.demo"\n',
    "src/shop/__init__.py": "",
    "src/shop/migrations/0001_shop.sql": "create schema shop;\n",
    "src/shop/hello.py": """
from org_common import PUBLIC, App, Reader

app = App("hello")


@app.get("/hello", allow=PUBLIC)
def hello(db: Reader) -> dict[str, str]:
    return {"text": "one", "role": db.value("select current_user::text")}
""",
    "src/shop/demo.py": """
PEOPLE = ("ann",)
EXAMPLE = ("ann", "/hello")


def seed(admin_url, issuer):
    pass
""",
}


class Dev:
    """`org-common dev` in a process group of its own, as a terminal runs it."""

    def __init__(self, project: Path, data: Path, port: int, *options: str) -> None:
        self.project = project
        self.data = data
        self.port = port
        self._stdout = data.with_name("stdout")
        self._stderr = data.with_name("stderr")
        with self._stdout.open("w") as stdout, self._stderr.open("w") as stderr:
            command = [COMMAND, "dev", "--port", str(port), "--data", str(data), *options]
            self.process = subprocess.Popen(command, cwd=project, stdout=stdout, stderr=stderr, process_group=0)

    def serve(self) -> None:
        """Wait until the server accepts connections and has printed its welcome."""
        assert eventually(lambda: self.process.poll() is not None or "/docs" in self.printed)
        assert self.process.poll() is None, self.errors
        assert is_open(self.port)

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        """Send a signal to the process group, by default that of Ctrl-C. Returns the exit status."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, number)
        return self.process.wait(PATIENCE_S)

    @property
    def printed(self) -> str:
        return self._stdout.read_text()

    @property
    def errors(self) -> str:
        return self._stderr.read_text()

    def get(self, path: str, token: str | None = None) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("GET", path, headers={} if token is None else {"Authorization": f"Bearer {token}"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def says(self, text: str) -> bool:
        try:
            return bool(self.get("/hello")[1].get("text") == text)
        except OSError:
            return False


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        found: int = probe.getsockname()[1]
    return found


def processes(folder: Path) -> dict[int, str]:
    """What runs with this folder in its command line or its environment."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes()
            if str(folder).encode() in command + (entry / "environ").read_bytes():
                found[int(entry.name)] = command.replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
    return found


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself."""
    command = [COMMAND, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE_S, check=False)


@contextmanager
def new_folder() -> Iterator[Path]:
    """A folder which must be free of processes when it goes."""
    folder = Path(tempfile.mkdtemp(prefix="test-devserver-"))
    folder.chmod(0o755)
    yield folder
    # What watches over others ends a moment after them.
    eventually(lambda: not processes(folder))
    left = processes(folder)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    shutil.rmtree(folder)
    assert left == {}


def copied(cluster: Path, data: Path) -> Path:
    data.mkdir()
    subprocess.run(["cp", "-a", cluster, data / "postgres"], check=True)
    return data


def written(folder: Path) -> Path:
    """A project of one app, one route, and one person."""
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture(scope="module")
def cluster() -> Iterator[Path]:
    """A data folder's PostgreSQL, to be copied: a tenth of the time it takes to make one."""
    with new_folder() as folder:
        EmbeddedPostgres.start(folder / "pg", durable=False).stop()
        yield folder / "pg"


@pytest.fixture
def folder() -> Iterator[Path]:
    with new_folder() as made:
        yield made


@pytest.fixture
def data(folder: Path, cluster: Path) -> Path:
    return copied(cluster, folder / "the data")


@pytest.fixture
def shop(folder: Path) -> Path:
    return written(folder / "shop")


@pytest.fixture
def dev(shop: Path, data: Path) -> Iterator[Dev]:
    """The shop is served."""
    started = Dev(shop, data, free_port())
    try:
        started.serve()
        yield started
    finally:
        started.end()


@pytest.fixture(scope="module")
def lasting_dev(cluster: Path) -> Iterator[Dev]:
    """The same for all tests that leave it running."""
    with new_folder() as folder:
        started = Dev(written(folder / "shop"), copied(cluster, folder / "the data"), free_port())
        try:
            started.serve()
            yield started
        finally:
            started.end()


# --- queues -----------------------------------------------------------------------------------

WORKER = """
from org_common import App, AsService, Model, Transaction

app = App("worker")


class Order(Model):
    number: int


@app.sqs("orders", outside=True, allow=AsService("orders of the shop"))
def take_order(tx: Transaction, order: Order) -> None:
    tx.run("insert into shop.orders values (%(number)s)", order, rows=1)


@app.schedule("rate(1 day)", allow=AsService("counts the orders"))
def count_orders(tx: Transaction) -> None:
    print("orders:", tx.value("select count(*) from shop.orders"), flush=True)
"""
ORDERS = """create schema shop;
create table shop.orders (number integer not null);
alter table shop.orders enable row level security, force row level security;
create policy service on shop.orders to app_service using (true) with check (true);
grant usage on schema shop to app_service;
grant select, insert on shop.orders to app_service;
"""


def test_queue_and_schedule_run_on_the_local_server(folder: Path, data: Path) -> None:
    shop = written(folder / "shop")
    (shop / "src/shop/worker.py").write_text(WORKER)
    (shop / "src/shop/migrations/0001_shop.sql").write_text(ORDERS)
    project = shop / "pyproject.toml"
    project.write_text(project.read_text().replace('"shop.hello:app"', '"shop.hello:app", "shop.worker:app"'))
    dev = Dev(shop, data, free_port())
    try:
        dev.serve()
        assert eventually(lambda: "Queues (standard, without an order): orders. " in dev.errors)
        sqs = FakeAws(dev.errors.partition("AWS_ENDPOINT_URL=")[2].split()[0]).client("sqs")
        queue = sqs.get_queue_url(QueueName="orders")["QueueUrl"]
        sqs.send_message(QueueUrl=queue, MessageBody='{"number": 7}')

        def counted() -> str:
            command = [COMMAND, "invoke", "count_orders", "--schedule", "--data", str(data)]
            return subprocess.run(command, cwd=shop, capture_output=True, text=True, check=True).stdout

        assert eventually(lambda: "orders: 1\n" in counted())
        assert counted().splitlines()[-1].startswith("count_orders of worker succeeded in ")
    finally:
        dev.end()
    assert not (data / "environment.json").exists()


# --- dev --------------------------------------------------------------------------------------


def test_printed_command_and_tokens_work_as_pasted(folder: Path, data: Path) -> None:
    dev = Dev(REPOSITORY, data, free_port())
    try:
        dev.serve()
        assert f"\nDemo page: http://127.0.0.1:{dev.port}/demo/\n" in dev.printed
        (pasted,) = [line for line in dev.printed.splitlines() if line.startswith("curl ")]
        alices = subprocess.run(["sh", "-c", f"{pasted} --silent"], capture_output=True, check=True).stdout
        bob = run(REPOSITORY, "token", "bob", "--data", str(data)).stdout.strip()
        bobs = dev.get("/orgs", bob)[1]
    finally:
        dev.end()

    assert [org["name"] for org in json.loads(alices)["items"]] == ["Acme"]
    assert [org["name"] for org in bobs["items"]] == ["Globex"]


def test_printed_hint_works_as_pasted(lasting_dev: Dev) -> None:
    (line,) = [line for line in lasting_dev.printed.splitlines() if line.startswith("Demo users: ")]
    hint = line.partition("A token for one of them: ")[2]

    answer = subprocess.run(["sh", "-c", hint], cwd=lasting_dev.project, capture_output=True, text=True, check=True)

    claims = json.loads(LocalIssuer.load(lasting_dev.data).authorize(f"Bearer {answer.stdout.strip()}"))
    assert claims["sub"] == "local|ann"


def test_killed_server_keeps_no_port(dev: Dev) -> None:
    dev.process.kill()

    assert eventually(lambda: not is_open(dev.port))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_end_leaves_no_server(dev: Dev, folder: Path, number: signal.Signals) -> None:
    assert dev.get("/hello") == (200, {"text": "one", "role": "anon"})

    dev.end(number)

    assert eventually(lambda: processes(folder) == {})
    assert not is_open(dev.port)


def test_request_is_reported_on_the_terminal(lasting_dev: Dev) -> None:
    lasting_dev.get("/hello")

    assert eventually(lambda: " GET /hello 200  " in lasting_dev.errors)
    assert '"GET /hello HTTP/1.1"' not in lasting_dev.errors + lasting_dev.printed


def test_statements_are_printed_on_request(shop: Path, data: Path) -> None:
    dev = Dev(shop, data, free_port(), "--sql")
    try:
        dev.serve()
        dev.get("/hello")
        assert eventually(lambda: "select current_user::text -- 1 row\n" in dev.errors)
    finally:
        dev.end()


def test_running_server_is_found_until_it_ends(dev: Dev) -> None:
    found = run(dev.project, "db", "url", "--data", str(dev.data))
    with psycopg.connect(found.stdout.strip()) as admin:
        assert admin.execute("select current_user").fetchone() == ("postgres",)

    dev.end()

    assert run(dev.project, "db", "url", "--data", str(dev.data)).returncode == 1
    assert not (dev.data / "database.json").exists()


def test_changed_file_is_served(lasting_dev: Dev) -> None:
    file = lasting_dev.project / "src" / "shop" / "hello.py"

    file.write_text(file.read_text().replace('"text": "one"', '"text": "two"'))

    assert eventually(lambda: lasting_dev.says("two"))


def test_broken_file_is_served_again_after_it_is_fixed(lasting_dev: Dev) -> None:
    file = lasting_dev.project / "src" / "shop" / "hello.py"
    file.write_text("app = \n")
    assert eventually(lambda: "hello.py:1: SyntaxError: invalid syntax" in lasting_dev.errors)
    assert "Traceback" not in lasting_dev.errors

    file.write_text(FILES["src/shop/hello.py"].replace('"text": "one"', '"text": "mended"'))

    assert eventually(lambda: lasting_dev.says("mended"))


def test_added_migration_is_applied_before_the_changed_code_is_served(dev: Dev) -> None:
    folder = dev.project / "src" / "shop"
    (folder / "migrations" / "0002_words.sql").write_text(
        "create function shop.words() returns text language sql return 'from 0002';"
        " grant usage on schema shop to anon; grant execute on function shop.words() to anon;"
    )
    code = FILES["src/shop/hello.py"].replace('"text": "one"', '"text": db.value("select shop.words()")')
    (folder / "hello.py").write_text(code)

    assert eventually(lambda: dev.says("from 0002"))
    assert "applied 0002_words.sql of package shop" in dev.errors


def test_wrong_sql_is_reported_when_its_file_is_saved(lasting_dev: Dev) -> None:
    file = lasting_dev.project / "src" / "shop" / "hello.py"
    file.write_text(FILES["src/shop/hello.py"].replace("select current_user::text", "select nobody::text"))

    assert eventually(lambda: 'hello.py:9: sql.unknown: column "nobody" does not exist\n' in lasting_dev.errors)
    assert lasting_dev.get("/openapi.json")[0] == 200
    file.write_text(FILES["src/shop/hello.py"])


def test_added_migration_is_applied_without_a_change_of_code(dev: Dev) -> None:
    folder = dev.project / "src" / "shop" / "migrations"
    (folder / "0002_bad.sql").write_text("select 1;\nselect 1 / 0;")
    assert eventually(lambda: "0002_bad.sql of package shop, line 2: division by zero (statement 2)" in dev.errors)
    assert "Traceback" not in dev.errors

    (folder / "0002_bad.sql").write_text("select 1;")

    assert eventually(lambda: "applied 0002_bad.sql of package shop" in dev.errors)
    assert eventually(lambda: dev.says("one"))


def test_what_guard_finds_is_printed_and_fails_the_check(shop: Path, data: Path) -> None:
    (shop / "src" / "shop" / "migrations" / "0002_open.sql").write_text(
        "create table shop.open (body text);\ngrant usage on schema shop to authenticated;\n"
        "grant select on shop.open to authenticated;\n"
    )

    answer = run(shop, "dev", "--check", "--data", str(data))

    assert answer.returncode == 1
    assert "violation: authenticated has rights on shop.open without row-level security" in answer.stderr
    assert "1 of 1 steps as expected" in answer.stdout


def test_changed_migration_is_reported_with_the_way_to_start_over(dev: Dev) -> None:
    file = dev.project / "src" / "shop" / "migrations" / "0001_shop.sql"
    before = file.read_text()
    file.write_text("create schema shop; -- changed")
    assert eventually(lambda: "0001_shop.sql of package shop was changed after it was applied" in dev.errors)
    assert f"`org-common dev --fresh --data {shlex.quote(str(dev.data))}`" in dev.errors

    file.write_text(before)

    assert eventually(lambda: dev.says("one"))


@pytest.mark.parametrize(
    ("migrations", "watched"),
    [
        (["shop"], ["src"]),
        (["notes=migrations", "shop"], ["src", "migrations"]),
        (["notes=src/shop/migrations"], ["src"]),
        (["other/migrations", "x=nothing"], ["src", "other/migrations"]),
    ],
)
def test_folders_of_code_and_migrations_are_watched(tmp_path: Path, migrations: list[str], watched: list[str]) -> None:
    for folder in ("src/shop/migrations", "migrations", "other/migrations"):
        (tmp_path / folder).mkdir(parents=True)

    found = devserver._watched_folders(Project(tmp_path, migrations=tuple(migrations)))

    assert found == [str(tmp_path / folder) for folder in watched]


def test_data_folder_of_a_running_server_is_refused(lasting_dev: Dev) -> None:
    answer = run(lasting_dev.project, "dev", "--port", str(free_port()), "--data", str(lasting_dev.data))

    assert (answer.returncode, "Traceback" in answer.stderr) == (1, False)
    assert "in use by the PostgreSQL server" in answer.stderr
    assert "--data" in answer.stderr
    assert lasting_dev.get("/hello")[0] == 200


def test_port_that_is_taken_is_named(shop: Path, data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        answer = run(shop, "dev", "--port", port, "--data", str(data))

    assert answer.returncode == 1
    assert port in answer.stderr
    assert "--port" in answer.stderr
    # The pasted command would reach the other server on the port.
    assert "curl" not in answer.stdout


@pytest.mark.parametrize(("number", "words"), [(EACCES, "is not available"), (EADDRINUSE, "is in use")])
def test_unavailable_port_is_reported_with_the_reason(monkeypatch: pytest.MonkeyPatch, number: int, words: str) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(socket.socket, "bind", refuse)

    with pytest.raises(ToolError, match=rf"port 80 of 127\.0\.0\.1 {words} \({os.strerror(number)}\)"):
        devserver._check_port(80)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgres//u:sEcRetpw@127.0.0.1:1/x", "the database URL is not valid"),
        ("http://foo", "the database URL is not valid"),
        ("postgresql://u:sEcRetpw@127.0.0.1:1/x", "cannot connect as u: "),
        ("postgresql://u:sEcRetpw@127.0.0.1:port/x", "cannot connect as u: "),
    ],
)
def test_connection_error_is_one_message(
    shop: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, url: str, message: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)

    answer = run(shop, "dev", "--port", str(free_port()), "--data", str(folder / "data"))

    assert answer.returncode == 1
    assert f"Error: DATABASE_URL: {message}" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert "sEcRetpw" not in answer.stderr + answer.stdout
    assert "Starting PostgreSQL" not in answer.stderr + answer.stdout


@pytest.mark.parametrize(
    ("was", "becomes", "message"),
    [
        ('PEOPLE = ("ann",)', "", "the demo module shop.demo has no PEOPLE"),
        ('EXAMPLE = ("ann", "/hello")', "", "the demo module shop.demo has no EXAMPLE"),
        ("def seed", "def sow", "the demo module shop.demo has no seed"),
        (
            '("ann", "/hello")',
            '("bob", "/hello")',
            'EXAMPLE must be one of PEOPLE and a path, for example ("alice", "/orgs")',
        ),
        ('("ann", "/hello")', '"/hello"', "EXAMPLE must be one of PEOPLE and a path"),
        ('("ann",)', '("ann",)\nPAGE = "nowhere"', "PAGE must be the path of a folder with an index.html"),
        ('("ann",)', '("ann",)\nPAGE = 3', 'for example Path(__file__).with_name("page"), got 3'),
        ("    pass", "    pas s", "src/shop/demo.py:7: SyntaxError: invalid syntax"),
    ],
)
def test_demo_that_cannot_be_used_is_reported_before_anything_is_started(
    shop: Path, folder: Path, was: str, becomes: str, message: str
) -> None:
    file = shop / "src" / "shop" / "demo.py"
    file.write_text(file.read_text().replace(was, becomes))

    answer = run(shop, "dev", "--port", str(free_port()), "--data", str(folder / "data"))

    assert (answer.returncode, len(answer.stderr.splitlines())) == (1, 1), answer.stderr
    assert message in answer.stderr
    assert not (folder / "data" / "postgres").exists()


def test_seed_that_fails_is_reported_by_its_line(shop: Path, data: Path) -> None:
    (shop / "src" / "shop" / "demo.py").write_text(
        FILES["src/shop/demo.py"].replace(
            "    pass",
            "    import psycopg\n    psycopg.connect(admin_url).execute('insert into shop.nothing values (1)')",
        )
    )

    answer = run(shop, "dev", "--port", str(free_port()), "--data", str(data))

    assert (answer.returncode, "Traceback" in answer.stderr) == (1, False)
    assert 'Error: src/shop/demo.py:8: UndefinedTable: relation "shop.nothing" does not exist' in answer.stderr


def test_database_that_has_other_migrations_reports_how_to_start_afresh(shop: Path, data: Path) -> None:
    first = run(shop, "dev", "--check", "--data", str(data))
    (shop / "src" / "shop" / "migrations" / "0001_shop.sql").write_text("create schema shop; -- edited\n")

    answer = run(shop, "dev", "--port", str(free_port()), "--data", str(data))

    assert (first.returncode, answer.returncode) == (0, 1), first.stderr
    assert "was changed after it was applied" in answer.stderr
    assert f"`org-common dev --fresh --data {shlex.quote(str(data))}`" in answer.stderr


def test_app_that_is_not_there_is_named(shop: Path, data: Path) -> None:
    file = shop / "pyproject.toml"
    file.write_text(file.read_text().replace("hello:app", "hello:application"))
    dev = Dev(shop, data, free_port())

    # Only the sources are watched: if it kept running, a fixed pyproject.toml would not be noticed.
    assert dev.process.wait(PATIENCE_S) == 1
    assert "the app shop.hello:application in pyproject.toml cannot be loaded" in dev.errors
    assert "Traceback" not in dev.errors


def test_migration_that_fails_is_named(shop: Path, data: Path, folder: Path) -> None:
    (shop / "src" / "shop" / "migrations" / "0002_orders.sql").write_text("creat table shop.orders ();\n")

    answer = run(shop, "dev", "--data", str(data))

    assert (answer.returncode, "Traceback" in answer.stderr) == (1, False)
    assert "0002_orders.sql of package shop, line 1, column 1" in answer.stderr
    assert eventually(lambda: processes(folder) == {})


def test_server_of_the_environment_is_used_instead_of_our_own(
    shop: Path, folder: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with EmbeddedPostgres.start(data / "postgres", durable=False) as server:
        monkeypatch.setenv("DATABASE_URL", server.url)
        monkeypatch.syspath_prepend(str(shop / "src"))

        with (
            devserver.database(Project.find(shop), folder / "unused") as local,
            psycopg.connect(local.login_url) as conn,
        ):
            found = conn.execute("select current_user, current_database()").fetchone()

    assert found == ("app_login", "dev")
    assert not (folder / "unused").exists()


# --- token ------------------------------------------------------------------------------------


@pytest.fixture
def issuer(folder: Path) -> Path:
    """A data folder with a key, as `org-common dev` leaves it."""
    LocalIssuer.load(folder / "issuer")
    return folder / "issuer"


def test_token_is_signed_by_the_folders_issuer(shop: Path, issuer: Path) -> None:
    answer = run(shop, "token", "ann", "--data", str(issuer))

    claims = json.loads(LocalIssuer.load(issuer).authorize(f"Bearer {answer.stdout.strip()}"))
    assert (answer.returncode, claims["sub"]) == (0, "local|ann")


def test_token_uses_the_key_in_the_projects_folder_by_default(shop: Path) -> None:
    made = LocalIssuer.load(shop / ".org-common")

    answer = run(shop / "src", "token", "ann")

    assert json.loads(made.authorize(f"Bearer {answer.stdout.strip()}"))["sub"] == "local|ann"


def test_token_of_a_folder_without_a_key_is_refused_and_none_is_made(shop: Path, folder: Path) -> None:
    answer = run(shop, "token", "ann", "--data", str(folder / "nowhere"))

    assert answer.returncode == 1
    assert "has no key of a token issuer: start `org-common dev` first" in answer.stderr
    assert not (folder / "nowhere").exists()


def test_token_for_an_unknown_demo_user_is_refused(shop: Path, folder: Path) -> None:
    answer = run(shop, "token", "bob", "--data", str(folder / "issuer"))

    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr == "Error: there is no demo user 'bob'. Demo users: ann\n"


def test_token_is_for_anybody_where_there_is_no_demo(shop: Path, issuer: Path) -> None:
    (shop / "pyproject.toml").write_text('[tool.org-common]\napps = ["shop.hello:app"]\n')

    answer = run(shop, "token", "anybody", "--data", str(issuer))

    assert (answer.returncode, answer.stdout.count(".")) == (0, 2)


@pytest.mark.parametrize("command", [("dev",), ("dev", "--check"), ("token", "ann")])
def test_without_a_project_there_is_nothing_to_run(folder: Path, command: tuple[str, ...]) -> None:
    answer = run(folder, *command)

    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr.startswith(f"Error: no pyproject.toml in {folder} or above it")


def test_its_environment_holds_where_lambda_is_played(tmp_path: Path) -> None:
    """A function that is run on this machine as Lambda would has no store of secrets to look into."""
    url = "postgresql://app_login:of-this-machine@127.0.0.1/dev"
    local = LocalDatabase("dev", "", "", url, "")

    settings = Settings.from_env({**devserver.environment(local, tmp_path), "AWS_LAMBDA_FUNCTION_NAME": "local"})

    assert settings.database_url == Secret(url)
