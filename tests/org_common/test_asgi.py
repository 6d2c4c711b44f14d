"""The apps behind a real uvicorn, over real HTTP, with tokens that are really signed."""

import hashlib
import http.client
import json
import resource
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jwt
import psycopg
import pytest
import uvicorn
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from cora_modules import demo
from org_common import PUBLIC, SIGNED_IN, App, Identity, Model, Reader, Request, Response
from org_common.asgi import Asgi
from org_common.config.settings import Settings
from org_common.db.connections.pool import Pooled
from org_common.db.database import Database
from org_common.tools.database.local import LocalDatabase, clone, drop
from org_common.tools.serve.issuer import ISSUER, LocalIssuer

pytestmark = pytest.mark.db

Key = ec.EllipticCurvePrivateKey

MEGABYTE = 1024 * 1024
UNCHECKED: Any = {"verify_signature": False}
BINARY = bytes(range(256)) * 4
# Four requests that wait for each other.
FOUR = threading.Barrier(4)
ECHOED: list[str] = []

app = App("asgi-test")
other = App("asgi-test-other")


class Note(Model):
    text: str


class Echo(Model):
    method: str
    path: str
    query: str
    headers: dict[str, str]
    size: int
    digest: str


@app.get("/whoami", allow=SIGNED_IN)
def whoami(db: Reader, identity: Identity) -> dict[str, str]:
    """Who the database says is calling, and who the token says it is."""
    (first, second) = (db.value("select (select auth.uid()::text) from pg_sleep(0.01)") for _ in range(2))
    return {"user": first, "again": second, "subject": identity.subject}


@app.post("/notes", allow=PUBLIC, status=201)
def add_note(body: Note) -> Note:
    return body


@app.post("/echo/{name}", allow=PUBLIC)
def echo(name: str, request: Request) -> Echo:
    ECHOED.append(name)
    digest = hashlib.sha256(request.body).hexdigest()
    headers = dict(request.headers)
    size = len(request.body)
    return Echo(method=request.method, path=name, query=request.query, headers=headers, size=size, digest=digest)


@app.get("/binary", allow=PUBLIC)
def binary() -> Response:
    return Response(BINARY, headers={"content-type": "application/octet-stream"})


@app.delete("/nothing", allow=PUBLIC)
def nothing() -> None:
    return None


@app.get("/broken", allow=PUBLIC)
def broken() -> None:
    raise RuntimeError("the password is hunter2")


@app.get("/together", allow=PUBLIC)
def together() -> None:
    FOUR.wait(timeout=30)


@app.get("/slow", allow=PUBLIC)
def slow() -> None:
    time.sleep(0.3)


@other.get("/other", allow=PUBLIC)
def another() -> dict[str, str]:
    return {"app": "other"}


class Answer:
    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self.status = answer.status
        self.headers = {name.lower(): value for name, value in answer.getheaders()}
        self.body = answer.read()

    def json(self) -> Any:
        return json.loads(self.body)


class Server:
    """A uvicorn in a thread of its own."""

    def __init__(self, port: int, issuer: LocalIssuer) -> None:
        self.port = port
        self.issuer = issuer

    def send(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, headers or {})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def get_as(self, name: str, path: str) -> Answer:
        return self.send("GET", path, headers={"Authorization": f"Bearer {self.issuer.token(name)}"})


@contextmanager
def served(asgi: Asgi) -> Iterator[int]:
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        server = uvicorn.Server(uvicorn.Config(asgi, log_level="error", lifespan="on"))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(10)
            assert not thread.is_alive()


@pytest.fixture(scope="module")
def local(database_template: LocalDatabase) -> Iterator[LocalDatabase]:
    made = clone(database_template, f"asgi_{uuid.uuid4().hex}")
    demo.seed(made.admin_url, ISSUER)
    yield made
    drop(made)


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("issuer")


@pytest.fixture(scope="module")
def server(local: LocalDatabase, key: Path) -> Iterator[Server]:
    issuer = LocalIssuer.load(key)
    database = Database(local.settings, Pooled(local.settings))
    with served(Asgi([app, other], database=database, authorize=issuer.authorize)) as port:
        yield Server(port, issuer)
    app.use(None)
    other.use(None)


@pytest.fixture(scope="module")
def users(local: LocalDatabase) -> dict[str, str]:
    """Names of the demo's people to their ids."""
    with psycopg.connect(local.admin_url) as admin:
        found = admin.execute("select subject, user_id::text from access.user_identities").fetchall()
    return {name.removeprefix("local|"): user_id for name, user_id in found}


# --- tokens -----------------------------------------------------------------------------------


def test_signed_token_speaks_for_its_user(server: Server, users: dict[str, str]) -> None:
    answer = server.get_as("alice", "/whoami")

    alice = users["alice"]
    assert (answer.status, answer.json()) == (200, {"user": alice, "again": alice, "subject": "local|alice"})


def test_scheme_may_be_written_in_any_case(server: Server) -> None:
    answer = server.send("GET", "/whoami", headers={"Authorization": f"bEARER {server.issuer.token('alice')}"})

    assert answer.status == 200


def expired(issuer: LocalIssuer, key: Key) -> str:
    return jwt.encode({**jwt.decode(issuer.token("alice"), options=UNCHECKED), "exp": 1}, key, algorithm="ES256")


def of_another_issuer(issuer: LocalIssuer, key: Key) -> str:
    changed = {**jwt.decode(issuer.token("alice"), options=UNCHECKED), "iss": "https://issuer.evil"}
    return jwt.encode(changed, key, algorithm="ES256")


def unsigned(issuer: LocalIssuer, key: Key) -> str:
    return jwt.encode(jwt.decode(issuer.token("alice"), options=UNCHECKED), "", algorithm="none")


def tampered(issuer: LocalIssuer, key: Key) -> str:
    """Alice's signature under Bob's claims."""
    (head, _, signature), (_, claims, _) = (issuer.token(name).split(".") for name in ("alice", "bob"))
    return f"{head}.{claims}.{signature}"


FORGED: list[Callable[[LocalIssuer, Key], str]] = [
    expired,
    of_another_issuer,
    unsigned,
    tampered,
    lambda issuer, key: f"{issuer.token('alice')},{issuer.token('alice')}",
    lambda issuer, key: "\xfc.\xfc.\xfc",
    lambda issuer, key: "a" * 30_000,
]


@pytest.mark.parametrize("forge", FORGED)
def test_token_that_does_not_hold_is_refused(server: Server, key: Path, forge: Callable[..., str]) -> None:
    private = load_pem_private_key((key / "issuer.pem").read_bytes(), None)

    answer = server.send("GET", "/whoami", headers={"Authorization": f"Bearer {forge(server.issuer, private)}"})

    assert (answer.status, answer.json()["code"]) == (401, "invalid_token")
    assert (answer.headers["www-authenticate"], answer.headers["content-type"]) == (
        "Bearer",
        "application/problem+json",
    )


@pytest.mark.parametrize("header", ["", "Bearer", "Basic YWxpY2U6YWxpY2U=", "Token abc", "null"])
def test_header_without_a_token_is_refused(server: Server, header: str) -> None:
    answer = server.send("GET", "/whoami", headers={"Authorization": header})

    assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")


def test_missing_header_is_refused(server: Server) -> None:
    answer = server.send("GET", "/whoami")

    assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")


def test_second_authorization_header_is_refused(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.putrequest("GET", "/whoami")
    for name in ("alice", "bob"):
        connection.putheader("Authorization", f"Bearer {server.issuer.token(name)}")
    connection.endheaders()
    answer = Answer(connection.getresponse())
    connection.close()

    assert answer.status == 401


def test_token_of_nobody_known_is_forbidden(server: Server) -> None:
    answer = server.get_as("mallory", "/whoami")

    assert (answer.status, answer.json()["code"]) == (403, "not_provisioned")


# --- requests ---------------------------------------------------------------------------------


def test_chunked_body_arrives_whole(server: Server) -> None:
    chunks = [b"one", b"", b"two" * 1000, b"three"]

    answer = server.send("POST", "/echo/x", iter(chunks))

    assert answer.json()["size"] == len(b"".join(chunks))
    assert answer.json()["digest"] == hashlib.sha256(b"".join(chunks)).hexdigest()


@pytest.mark.parametrize("body", [BINARY, b"\x00", b"\xff\xfe", "äöü€".encode(), b""])
def test_body_arrives_byte_by_byte(server: Server, body: bytes) -> None:
    answer = server.send("POST", "/echo/x", body)

    assert (answer.json()["size"], answer.json()["digest"]) == (len(body), hashlib.sha256(body).hexdigest())


def test_repeated_headers_are_joined(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.putrequest("POST", "/echo/x")
    for name, value in (("X-One", "a"), ("x-one", "b, c"), ("X-Two", "d")):
        connection.putheader(name, value)
    connection.endheaders()
    answer = Answer(connection.getresponse())
    connection.close()

    headers = answer.json()["headers"]
    assert (headers["x-one"], headers["x-two"]) == ("a,b, c", "d")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/echo/plain", "plain"),
        ("/echo/a%20b", "a b"),
        ("/echo/%C3%BC", "ü"),
        ("/echo/%25", "%"),
        ("/echo/a+b", "a+b"),
        ("/echo/%3Fx", "?x"),
    ],
)
def test_path_is_decoded_once(server: Server, path: str, name: str) -> None:
    answer = server.send("POST", path)

    assert (answer.status, answer.json().get("path")) == (200, name)


def test_query_string_arrives_as_sent(server: Server) -> None:
    answer = server.send("POST", "/echo/x?a=1&b=%26&a=2&c=%C3%BC")

    # `echo` takes no parameter, so what was sent is named in the refusal.
    assert [error["pointer"] for error in answer.json()["errors"]] == ["#/a", "#/b", "#/c"]


def test_each_app_answers_its_own_paths(server: Server) -> None:
    assert server.send("GET", "/other").json() == {"app": "other"}


@pytest.mark.parametrize("path", ["/", "/nowhere", "//whoami", "/whoami/", "/WHOAMI", "/..%2fwhoami"])
def test_unknown_path_is_a_problem(server: Server, path: str) -> None:
    answer = server.send("GET", path)

    assert (answer.status, answer.json()["code"]) == (404, "unknown_route")


@pytest.mark.parametrize("method", ["PUT", "BREW"])
def test_unknown_method_is_told_the_known_ones(server: Server, method: str) -> None:
    answer = server.send(method, "/whoami")

    assert (answer.status, answer.headers["allow"], answer.json()["code"]) == (
        405,
        "GET, HEAD, OPTIONS",
        "method_not_allowed",
    )


def test_answer_to_head_has_no_body(server: Server) -> None:
    answer = server.send("HEAD", "/binary")

    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["content-type"] == "application/octet-stream"


def test_options_tells_the_methods(server: Server) -> None:
    answer = server.send("OPTIONS", "/whoami")

    assert (answer.status, answer.headers["allow"]) == (204, "GET, HEAD, OPTIONS")


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("size", [1 * MEGABYTE + 1, 7 * MEGABYTE])
def test_large_body_is_refused(server: Server, size: int, chunked: bool) -> None:
    blank = b" " * (64 * 1024)
    body = (blank for _ in range(size // len(blank) + 1)) if chunked else b" " * size

    answer = server.send("POST", "/notes", body, {"Content-Type": "application/json"})

    assert (answer.status, answer.json()["code"]) == (413, "payload_too_large")


def test_endless_body_takes_no_memory(server: Server) -> None:
    blank = b" " * MEGABYTE
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    answer = server.send("POST", "/notes", (blank for _ in range(100)), {"Content-Type": "application/json"})

    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert answer.status == 413
    assert grown_kb < 40 * 1024


def test_request_that_breaks_off_is_not_carried_out(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b"POST /echo/broken-off HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nthe beginning")

    # By the time that three more have been answered it would have been as well.
    after = [server.send("POST", "/echo/after").status for _ in range(3)]

    assert after == [200] * 3
    assert "broken-off" not in ECHOED


# --- answers ----------------------------------------------------------------------------------


def test_binary_answer_arrives_byte_by_byte(server: Server) -> None:
    answer = server.send("GET", "/binary")

    assert answer.body == BINARY
    assert (answer.headers["content-type"], answer.headers["content-length"]) == ("application/octet-stream", "1024")


def test_json_answer_says_what_it_is(server: Server) -> None:
    answer = server.send("POST", "/notes", b'{"text": "\xc3\xbc"}', {"Content-Type": "application/json"})

    assert (answer.status, answer.json()) == (201, {"text": "ü"})
    assert (answer.headers["content-type"], answer.headers["cache-control"]) == ("application/json", "no-store")


def test_answer_without_content_has_no_length(server: Server) -> None:
    """RFC 9110 section 8.6: a server must not send Content-Length with a 204."""
    answer = server.send("DELETE", "/nothing")

    assert (answer.status, answer.body) == (204, b"")
    assert "content-length" not in answer.headers


def test_fault_of_a_handler_stays_inside(server: Server) -> None:
    answer = server.send("GET", "/broken")

    assert (answer.status, answer.json()["code"]) == (500, "internal_error")
    assert b"hunter2" not in answer.body


def test_connection_is_kept_over_any_answer(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    statuses = []
    for method, path, body in (
        ("GET", "/nowhere", None),
        ("POST", "/notes", b" " * 2 * MEGABYTE),
        ("GET", "/binary", None),
    ):
        connection.request(method, path, body)
        statuses.append(Answer(connection.getresponse()).status)
    connection.close()

    assert statuses == [404, 413, 200]


def test_each_request_has_an_id_of_its_own(server: Server) -> None:
    ids = {server.send("GET", "/nowhere").json()["instance"] for _ in range(3)}

    assert len(ids) == 3


# --- many at once -----------------------------------------------------------------------------


def test_users_at_the_same_time_are_not_mixed(server: Server, users: dict[str, str]) -> None:
    names = ["alice", "bob"] * 50

    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda name: server.get_as(name, "/whoami").json(), names))

    assert answers == [{"user": users[name], "again": users[name], "subject": f"local|{name}"} for name in names]


def test_slow_handler_keeps_nobody_else_waiting(server: Server) -> None:
    with ThreadPoolExecutor(4) as threads:
        statuses = list(threads.map(lambda _: server.send("GET", "/together").status, range(4)))

    # Each of them ended when all four had begun.
    assert statuses == [204] * 4


# --- the end ----------------------------------------------------------------------------------


def test_server_that_stops_closes_the_database(local: LocalDatabase, key: Path) -> None:
    settings = Settings(database_url=local.login_url, application_name="asgi-end")
    issuer = LocalIssuer.load(key)
    mine = App("asgi-test-end")
    mine.get("/whoami", allow=SIGNED_IN)(whoami)
    asgi = Asgi([mine], database=Database(settings, Pooled(settings)), authorize=issuer.authorize)

    with psycopg.connect(local.admin_url, autocommit=True) as admin:
        with served(asgi) as port:
            assert Server(port, issuer).get_as("alice", "/whoami").status == 200
            during = connections(admin)
        # The server's side of a connection ends a moment after ours.
        deadline = time.monotonic() + 10
        while connections(admin) and time.monotonic() < deadline:
            time.sleep(0.01)
        after = connections(admin)

    assert (during > 0, after) == (True, 0)


def connections(admin: psycopg.Connection) -> int:
    row = admin.execute("select count(*) from pg_stat_activity where application_name = 'asgi-end'").fetchone()
    assert row is not None
    return int(row[0])
