"""A Lambda environment as a process of its own: `python -m tests.faults.child serve|once|fork|snapshot|terminate`.

Its database is that of the environment variables. It answers one JSON line to each step.
"""

import json
import os
import random
import stat
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, LiteralString

from org_common import SIGNED_IN, App, Reader, Transaction
from org_common.config.settings import Settings
from org_common.db import database
from org_common.db.connections.connection import Single
from org_common.db.connections.pool import Pooled
from org_common.db.database import Database
from org_common.testing.client import Answer, Client, Person
from org_common.values.types import Deadline
from tests.support.handles import open_reader
from tests.support.lab import ALICE, INSERT

PID: LiteralString = "select pg_backend_pid()"

app = App("child")


@app.get("/pid", allow=SIGNED_IN)
def pid(db: Reader) -> dict[str, int]:
    return {"pid": db.value(PID)}


@app.post("/notes/{note}", allow=SIGNED_IN)
def add(tx: Transaction, note: int) -> dict[str, int]:
    tx.run(INSERT, {"id": note, "body": "thawed"}, rows=1)
    return {"pid": tx.value(PID)}


def say(**what: Any) -> None:
    print(json.dumps(what), flush=True)


def sockets() -> int:
    """How many this process has open, those of libpq too."""
    found = 0
    for file in Path("/proc/self/fd").iterdir():
        try:
            found += stat.S_ISSOCK(file.stat().st_mode)
        except FileNotFoundError:
            continue
    return found


def serve() -> None:
    """`GET /pid` and the like, one a line, until the end of the input."""
    client = Client(app, person=Person("local|alice"), timeout_s=8)
    for line in sys.stdin:
        answer, took_ms = sent(client, *line.split())
        say(status=answer.status, took_ms=took_ms, **(answer.json() if answer.status == 200 else {}))


def once() -> None:
    """One request with so many seconds to go."""
    answer, took_ms = sent(Client(app, person=Person("local|alice"), timeout_s=float(sys.argv[-1])), "GET", "/pid")
    say(status=answer.status, took_ms=took_ms)


def sent(client: Client, method: str, path: str) -> tuple[Answer, float]:
    started_s = time.perf_counter()
    answer = client.send(method, path)
    return answer, (time.perf_counter() - started_s) * 1000


def backend(of: Database) -> int:
    return int(open_reader(of, SIGNED_IN, ALICE, {}, Deadline.after(8)).value(PID))


def fork() -> None:
    """The parent's connection is open when it forks; both go on."""
    settings = Settings.from_env()
    for source in (Single(settings), Pooled(settings)):
        say(source=type(source).__name__, **forked(Database(settings, source)))
        source.close()


def forked(made: Database) -> dict[str, Any]:
    before = backend(made)
    inherited = sockets()
    child = in_child(lambda: {"first": backend(made), "second": backend(made), "dropped": made.counters.dropped})
    after = backend(made)
    again = in_child(lambda: {"first": backend(made)})
    last = backend(made)
    return {"parent": [before, after, last], "inherited": inherited, "child": child, "again": again}


def in_child(step: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What the step answers in a forked process, which ends as one ends that knows nothing of ours: with collection."""
    read, write = os.pipe()
    with warnings.catch_warnings():
        # The pool has threads, which Python 3.12 and later warn of.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        os.close(read)
        os.write(write, json.dumps(step()).encode())
        os.close(write)
        sys.exit(0)
    os.close(write)
    with os.fdopen(read) as answer:
        told: dict[str, Any] = json.loads(answer.read())
    _, status = os.waitpid(child, 0)
    return {**told, "exit": os.waitstatus_to_exitcode(status)}


def snapshot() -> None:
    """As Lambda does it with SnapStart: init, the hooks, a snapshot; then two environments are restored from it."""
    runtime = import_module("snapshot_restore_py")
    made = database.default()
    before = backend(made)
    opened = sockets()
    hooks = list(runtime.get_before_snapshot())
    for hook, args, kwargs in hooks:
        hook(*args, **kwargs)
    closed = sockets()
    restored = [in_child(lambda: {"pid": backend(made), "sockets": sockets()}) for _ in range(2)]
    lucky = []
    for _ in range(2):
        # A fork would begin anew by itself; a snapshot has this for all.
        random.seed(1)
        for hook, args, kwargs in runtime.get_after_restore():
            hook(*args, **kwargs)
        lucky.append(random.random())
    say(
        hooks=len(hooks),
        before=before,
        opened=opened,
        closed=closed,
        restored=restored,
        after=backend(made),
        lucky=lucky,
        prefetched="tenacity" in sys.modules,
    )


def terminate() -> None:
    """Waits for SIGTERM with its connection open; with `busy` in the midst of a statement."""
    made = database.default()
    say(pid=backend(made))
    if sys.argv[-1] == "busy":
        open_reader(made, SIGNED_IN, ALICE, {}, Deadline.after(2)).value("select pg_sleep(10)")
    time.sleep(20)


COMMANDS: dict[str, Callable[[], None]] = {
    "serve": serve,
    "once": once,
    "fork": fork,
    "snapshot": snapshot,
    "terminate": terminate,
}
ROOT = Path(__file__).parents[2]


def environment(url: str, **more: str) -> dict[str, str]:
    """For such a process."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    python = {"PYTHONPATH": os.pathsep.join([str(ROOT), *_paths()]), "PYTHONWARNINGS": "error"}
    return {**kept, **python, "ORG_COMMON_DATABASE_URL": url, "ORG_COMMON_DATABASE_PROFILE": "direct", **more}


def _paths() -> Iterator[str]:
    """Where this process has been told to look first."""
    if os.environ.get("PYTHONPATH"):
        yield os.environ["PYTHONPATH"]


if __name__ == "__main__":
    COMMANDS[sys.argv[1]]()
