"""A container under load: 1,000 clients on one process with 10 connections, compared with FastAPI + SQLAlchemy's pool.

    python benchmarks/container.py [SECONDS] [CLIENTS]

Both verify the same tokens with the same code, and read one row under row-level security after an access check. Each
run has a fresh process of uvicorn, A B A B. The clients are 100 users in 20 organizations, each on a connection that
stays open, behind a load balancer's header, and share the processors with the server and PostgreSQL.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID, uuid4

import coldstart
import harness
import psycopg

from org_common.tools.database.local import provision
from org_common.tools.database.migrations import load
from org_common.tools.database.postgres import EmbeddedPostgres
from org_common.tools.serve.issuer import ISSUER, LocalIssuer, subject

CLIENTS, SECONDS, WARM_S, ROUNDS = 1000, 10, 5, 3
CONNECTIONS, USERS, ORGS = 10, 100, 20
OURS, PEER = "org-common", "FastAPI + SQLAlchemy"
BUDGET = 1.5
CLIENT = "client"


def application(which: str) -> object:
    """What uvicorn serves."""
    authorize = LocalIssuer.load(Path(os.environ["ISSUER_FOLDER"])).authorize
    if which == PEER:
        import pooled_app  # type: ignore[import-not-found]  # of the peer's packages

        return pooled_app.application(authorize, CONNECTIONS)
    from cora_modules.access.orgs import app
    from org_common import Database, Settings
    from org_common.asgi import Asgi, Drain
    from org_common.db.connections.pool import Pooled

    settings = Settings(database_url=os.environ["DATABASE_URL"], database_profile="direct")
    database = Database(settings, Pooled(settings, size=CONNECTIONS))
    return Drain(Asgi([app], database=database, authorize=authorize), wait_s=0)


def serve(which: str, port: int) -> None:
    import uvicorn

    # It opens the port itself: on a socket from elsewhere Nagle's algorithm stays switched on.
    uvicorn.run(application(which), port=port, log_level="critical", access_log=False, server_header=False)  # type: ignore[arg-type]


@contextmanager
def server(which: str, environment: dict[str, str]) -> Iterator[tuple[int, int]]:
    """The port and the id of a fresh process."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, __file__, "serve", which, str(port)], env=os.environ | environment)
    try:
        wait_for(port)
        yield port, process.pid
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()
        process.wait()


def wait_for(port: int) -> None:
    """Until it responds, with 200 or 404."""
    for _ in range(600):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            connection.request("GET", "/readyz")
            connection.getresponse().read()
            return
        except ConnectionRefusedError:
            time.sleep(0.1)
        finally:
            connection.close()
    raise SystemExit("the server has not started within a minute")


def fill(url: str) -> list[tuple[str, UUID]]:
    """Create users and organizations. Returns the members, each with their organization."""
    orgs = [uuid4() for _ in range(ORGS)]
    members = [(f"user-{number}", orgs[number % ORGS]) for number in range(USERS)]
    with psycopg.connect(url) as admin:
        for number, org in enumerate(orgs):
            admin.execute("insert into access.orgs (id, name, slug) values (%s, 'O', %s)", [org, f"org-{number}"])
        for name, org in members:
            user = uuid4()
            admin.execute("insert into access.users (id, email) values (%s, %s)", [user, f"{name}@example.com"])
            admin.execute("insert into access.user_identities values (%s, %s, %s)", [ISSUER, subject(name), user])
            admin.execute(
                "insert into access.org_members (org_id, user_id, org_role) values (%s, %s, 'org_user')", [org, user]
            )
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("vacuum analyze")
    return members


class Load:
    """The clients, and what they saw."""

    def __init__(self, port: int, requests: list[str], seconds: float) -> None:
        self.port = port
        self.requests = [request.encode() for request in requests]
        self.begin = time.monotonic() + WARM_S
        self.end = self.begin + seconds
        self.took: list[float] = []
        self.outcomes: Counter[str] = Counter()
        self.all = 0

    async def client(self, number: int) -> None:
        # As a load balancer sends it: the shares of org-common count by address until the caller is known.
        address = f"x-forwarded-for: 10.0.{number // 250}.{number % 250}\r\n\r\n"
        request = self.requests[number % len(self.requests)] + address.encode()
        # Not all at once: the first requests open the connections to the database.
        await asyncio.sleep(random.random() * WARM_S / 2)  # noqa: S311 - no secret
        reader = writer = None
        while (began := time.monotonic()) < self.end:
            try:
                if reader is None or writer is None:
                    reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.write(request)
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]))
                outcome = head.split(b" ", 2)[1].decode()
            except (OSError, asyncio.IncompleteReadError, ValueError) as error:
                reader, outcome = None, type(error).__name__
            self.all += 1
            if began >= self.begin:
                self.outcomes[outcome] += 1
                if outcome == "200":
                    self.took.append(time.monotonic() - began)

    async def run(self, clients: int) -> None:
        await asyncio.gather(*(self.client(number) for number in range(clients)))


def measure(port: int, folder: Path, seconds: float, clients: int) -> dict[str, float]:
    """Responses with 200 a second, percentiles of them in milliseconds, and the number of all other outcomes."""
    command = [sys.executable, __file__, CLIENT, str(port), str(folder / "requests.json"), str(seconds), str(clients)]
    found: dict[str, float] = json.loads(harness.run(command))
    return found


def processor_s(process: int) -> float:
    """The seconds of processor time that a process has used."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def client(port: int, file: str, seconds: float, clients: int) -> None:
    load_ = Load(port, json.loads(Path(file).read_text()), seconds)
    asyncio.run(load_.run(clients))
    cuts = statistics.quantiles(load_.took, n=100)
    errors = load_.outcomes.total() - load_.outcomes["200"]
    result = {"rate": len(load_.took) / seconds, "p50": cuts[49] * 1000, "p99": cuts[98] * 1000}
    print(json.dumps({**result, "errors": errors, "all": load_.all}))


def main(seconds: float = SECONDS, clients: int = CLIENTS) -> None:
    harness.machine()
    peer = coldstart.installed(next(each for each in coldstart.STACKS if each.key == "c")) / "opt" / "python"
    runs: dict[str, list[dict[str, float]]] = {OURS: [], PEER: []}
    with TemporaryDirectory() as name, EmbeddedPostgres.start(durable=False) as postgres:
        folder = Path(name)
        database = provision(postgres.url, "bench", load(["cora_modules.access"], root=Path.cwd()))
        issuer = LocalIssuer.load(folder)
        requests = [
            f"GET /orgs/{org} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {issuer.token(user)}\r\n"
            for user, org in fill(database.admin_url)
        ]
        (folder / "requests.json").write_text(json.dumps(requests))
        for _ in range(ROUNDS):
            for which, found in runs.items():
                paths = [str(coldstart.STACK_FILES), str(peer)] if which == PEER else []
                environment = {
                    "DATABASE_URL": database.login_url,
                    "ISSUER_FOLDER": name,
                    "PYTHONPATH": os.pathsep.join([*paths, str(coldstart.ROOT / "src")]),
                }
                with server(which, environment) as (port, process):
                    before = processor_s(process)
                    measured = measure(port, folder, seconds, clients)
                    found.append(measured | {"cpu": (processor_s(process) - before) / measured["all"] * 1000})
    report(runs, clients)


def report(runs: dict[str, list[dict[str, float]]], clients: int) -> None:
    print(f"\nA container: {clients} clients, one process, {CONNECTIONS} connections, load {os.getloadavg()[0]:.1f}")
    for name, found in runs.items():
        rate, p50, p99, cpu = (statistics.median([run[key] for run in found]) for key in ("rate", "p50", "p99", "cpu"))
        errors = sum(run["errors"] for run in found)
        print(
            f"  {name:<24} {rate:6.0f} requests/s   p50 {p50:6.0f} ms   p99 {p99:6.0f} ms   {errors:.0f} errors   "
            f"{cpu:.2f} ms of processor each"
        )
    pairs = list(zip(runs[OURS], runs[PEER], strict=True))
    ratio("throughput, org-common / FastAPI + SQLAlchemy", [ours["rate"] / other["rate"] for ours, other in pairs])
    ratio("processor time, FastAPI + SQLAlchemy / org-common", [other["cpu"] / ours["cpu"] for ours, other in pairs])


def ratio(label: str, ratios: list[float]) -> None:
    middle = statistics.median(ratios)
    verdict = "within" if middle >= BUDGET else "UNDER"
    print(f"  {label:<50} {middle:.2f}   ({min(ratios):.2f} - {max(ratios):.2f})   at least {BUDGET}: {verdict}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(sys.argv[2], int(sys.argv[3]))
    elif sys.argv[1:2] == [CLIENT]:
        client(int(sys.argv[2]), sys.argv[3], float(sys.argv[4]), int(sys.argv[5]))
    else:
        given = [float(each) for each in sys.argv[1:3]]
        main(*given[:1], *map(int, given[1:]))
