"""What is made ready when, in real Lambda environments: AWS's client, and a Runtime API that restores snapshots."""

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from textwrap import dedent

import pytest

from org_common.events import http_api as gateway
from org_common.lifecycle import startup
from org_common.tools.database.local import LocalDatabase
from org_common.tools.runtime.environment import ON_DEMAND, PROVISIONED, SNAP_START, Environment, Function

SOURCE = Path(__file__).parents[2] / "src"

# Its key is a file's content, fetched early where that is right.
SHOP = """
    import os, random, uuid
    from org_common import PUBLIC, App, Model
    from org_common.lifecycle import startup

    random.seed(1)  # each restore begins with the state of the snapshot
    keys = []

    def fetch():
        with open(os.environ["KEY"]) as file:
            keys.append(file.read())

    startup.prefetch(fetch)
    app = App("shop")

    class Facts(Model):
        keys: list[str]
        dice: float
        id: str

    at_init = {}

    @app.get("/facts", allow=PUBLIC)
    def facts() -> Facts:
        return Facts(keys=keys, dice=random.random(), id=str(uuid.uuid4()))

    @app.get("/built", allow=PUBLIC)
    def built() -> dict[str, bool]:
        return at_init

    at_init["model"] = bool(Facts.__pydantic_complete__)
"""


@pytest.fixture
def key(tmp_path: Path) -> Path:
    (tmp_path / "key").write_text("of the snapshot")
    return tmp_path / "key"


def shop(key: Path, initialization: str) -> Function:
    task = key.parent / "task"
    task.mkdir(exist_ok=True)
    (task / "shop.py").write_text(dedent(SHOP))
    return Function("shop.app", [task, SOURCE], variables={"KEY": str(key)}, initialization=initialization)


def ask(environment: Environment, path: str) -> str:
    answer = environment.invoke(gateway.event("GET", path)).answer
    assert answer["statusCode"] == 200, environment.output()
    return str(answer["body"])


@pytest.mark.runtime
def test_on_demand_builds_and_fetches_nothing_before_it_is_used(key: Path) -> None:
    with Environment(shop(key, ON_DEMAND)) as environment:
        assert ask(environment, "/built") == '{"model":false}'
        assert '"keys":[]' in ask(environment, "/facts")


@pytest.mark.runtime
def test_provisioned_concurrency_builds_and_fetches_at_init(key: Path) -> None:
    with Environment(shop(key, PROVISIONED)) as environment:
        key.write_text("later")

        assert ask(environment, "/built") == '{"model":true}'
        assert '"keys":["of the snapshot"]' in ask(environment, "/facts")


@pytest.mark.runtime
def test_snap_start_builds_before_the_snapshot_and_fetches_after_it(key: Path) -> None:
    with Environment(shop(key, SNAP_START)) as environment:
        key.write_text("of the restore")
        environment.restore()

        assert ask(environment, "/built") == '{"model":true}'
        assert '"keys":["of the restore"]' in ask(environment, "/facts")


@pytest.mark.runtime
def test_two_restores_of_one_state_draw_different_dice_and_ids(key: Path) -> None:
    drawn = []
    for _ in range(2):
        with Environment(shop(key, SNAP_START)) as environment:
            environment.restore()
            drawn.append(ask(environment, "/facts"))

    [one, other] = [dict(part.split(":", 1) for part in each.strip("{}").split(',"')) for each in drawn]
    assert one['dice"'] != other['dice"']
    assert one['id"'] != other['id"']


@pytest.mark.runtime
def test_without_snap_start_dice_are_the_programs_own(key: Path) -> None:
    with Environment(shop(key, ON_DEMAND)) as environment:
        # The first that the seed 1 gives.
        assert '"dice":0.13436424411240122' in ask(environment, "/facts")


@pytest.mark.runtime
def test_failed_prefetch_is_logged_and_left_to_the_first_use(key: Path) -> None:
    key.unlink()

    with Environment(shop(key, PROVISIONED)) as environment:
        assert '"keys":[]' in ask(environment, "/facts")
        assert "prefetch failed" in environment.output()


@pytest.mark.runtime
def test_function_of_another_line_is_told_in_its_log(key: Path) -> None:
    function = shop(key, ON_DEMAND)
    (key.parent / "task" / "org-common.function.build").write_text("0.0.1+old\npython3.0 any\nx\n")

    with Environment(function) as environment:
        assert environment.output().count("the function was built for python3.0") == 1


@pytest.mark.runtime
def test_keys_of_an_issuer_are_fetched_after_the_restore(tmp_path: Path) -> None:
    asked: list[str] = []

    class Keys(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(503)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Keys) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        (tmp_path / "shop.py").write_text("from org_common import authorizer\napp = authorizer()\n")
        issuer = {
            "url": "https://issuer.example.com",
            "audience": "https://api.example.com",
            "algorithms": ["RS256"],
            "jwks_url": f"http://127.0.0.1:{server.server_address[1]}/keys",
            "loopback_http": True,
        }
        variables = {"ORG_COMMON_ISSUERS": json.dumps([issuer])}
        function = Function("shop.app", [tmp_path, SOURCE], variables=variables, initialization=SNAP_START)
        with Environment(function) as environment:
            before = len(asked)
            environment.restore()
        server.shutdown()

    assert (before, set(asked)) == (0, {"/keys"})


CONNECTED = """
    import time
    from org_common import PUBLIC, App
    from org_common.db.database import default

    app = App("shop")

    def connect():
        with default()._source.lease(time.monotonic() + 10):
            pass

    @app.get("/again", allow=PUBLIC)
    def again() -> dict[str, int]:
        connect()
        return {"opened": default().counters.opened}

    connect()
"""


@pytest.mark.db
@pytest.mark.runtime
def test_snapshot_holds_no_connection_and_a_restore_opens_its_own(database: LocalDatabase, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(dedent(CONNECTED))
    function = Function(
        "shop.app",
        [tmp_path, SOURCE],
        variables={"ORG_COMMON_DATABASE_URL": database.login_url},
        initialization=SNAP_START,
    )
    port = int(database.login_url.rpartition(":")[2].partition("/")[0])

    with Environment(function) as environment:
        assert list(connections(environment.pid, port)) == []
        environment.restore()
        assert ask(environment, "/again") == '{"opened":2}'
        assert len(list(connections(environment.pid, port))) == 1


def connections(pid: int, port: int) -> Iterator[str]:
    """The open sockets of a process whose peer has this port: /proc(5), net/tcp."""
    sockets = {os.readlink(f"/proc/{pid}/fd/{name}") for name in os.listdir(f"/proc/{pid}/fd")}  # noqa: PTH208, PTH115
    for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[2].endswith(f":{port:04X}") and f"socket:[{fields[9]}]" in sockets:
            yield line


def test_outside_of_lambda_nothing_is_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(startup.INITIALIZATION_TYPE, raising=False)
    called: list[str] = []

    startup.prefetch(lambda: called.append("fetched"))

    assert (startup.is_early(), called) == (False, [])
