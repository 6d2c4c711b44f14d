"""Streamed answers: the time to the first word over the model's own, and 500 answers that wait at once.

The model speaks OpenAI's protocol in a process of its own. It takes 300 ms to its first word.
"""

from __future__ import annotations

import http.client
import json
import os
import statistics
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import psycopg

sys.path.insert(0, str(Path(__file__).parents[1]))

from cora_modules.ai.lexical_vectors import embed
from cora_modules.chat import streaming
from org_common import Database
from org_common.db.connections.pool import Pooled
from org_common.testing.client import ISSUER, Person
from org_common.tools.database.local import LocalDatabase, provision
from org_common.tools.database.migrations import load
from org_common.tools.database.postgres import EmbeddedPostgres
from tests.support.streams import Received, Server, served

ROUNDS = 60
STREAMS, BATCH = 500, 25
PASSAGES = 2000
BUDGET = 1.1
MODULES = [f"cora_modules.{name}" for name in ("access", "ai", "mgmt", "ws", "kb", "chat")]
ORG, USER, CHAT, BASE, DOCUMENT = (UUID(int=(0x0198A000 << 96) + at) for at in range(1, 6))
LEXICAL = UUID("0198a000-0000-7000-8000-0000000a1003")
QUESTION = {"content": "Which pump was checked on day 77?"}
MODEL = """
import json, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
released = threading.Event()
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        time.sleep(0.3)
        self.say({"choices": [{"delta": {"content": "Word"}}]})
        if asked["model"] == "waits":
            while not released.wait(5):
                # A comment: the client gives up on a silent model.
                self.send(b": \\n\\n")
        self.say({"choices": [{"delta": {}, "finish_reason": "stop"}]})
        self.wfile.write(b"0\\r\\n\\r\\n")
    def do_GET(self):
        released.set()
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()
    def say(self, event):
        self.send(b"data: " + json.dumps(event).encode() + b"\\n\\n")
    def send(self, data):
        self.wfile.write(b"%x\\r\\n%b\\r\\n" % (len(data), data))
        self.wfile.flush()
    def log_message(self, *values):
        pass
class Server(ThreadingHTTPServer):
    request_queue_size = 1024
    daemon_threads = True
server = Server(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
"""


def main() -> None:
    with subprocess.Popen([sys.executable, "-c", MODEL], stdout=subprocess.PIPE, text=True) as model:
        try:
            assert model.stdout is not None
            url = f"http://127.0.0.1:{int(model.stdout.readline())}"
            with EmbeddedPostgres.start() as server:
                migrations = load(MODULES, root=Path.cwd())
                local = provision(server.url, "bench", migrations, extensions=["vector"])
                fill(local, url)
                settings = local.settings
                with (
                    closing(Database(settings, Pooled(settings, size=4, wait_s=30))) as database,
                    served(streaming.app, database=database) as http_server,
                ):
                    first_words(http_server, url)
                    waiting(http_server, local, url)
        finally:
            model.kill()


def fill(local: LocalDatabase, url: str) -> None:
    """A user with a chat, a base of 2,000 passages, and two models."""
    texts = [f"On day {at} the pump number {at % 97} was checked and oiled." for at in range(PASSAGES)]
    values: dict[str, Any] = {"org": ORG, "user": USER, "chat": CHAT, "base": BASE, "document": DOCUMENT, "url": url}
    statements = (
        "insert into access.users (id, email) values (%(user)s, 'u@b.test')",
        f"insert into access.user_identities (issuer, subject, user_id) values ('{ISSUER}', 'local|u', %(user)s)",
        "insert into access.orgs (id, name, slug) values (%(org)s, 'Org', 'org')",
        "insert into access.org_members (org_id, user_id, org_role) values (%(org)s, %(user)s, 'org_user')",
        "insert into chat.chats (org_id, id, owner_id, title) values (%(org)s, %(chat)s, %(user)s, 'x')",
        "insert into kb.kb_bases (org_id, id, scope, name) values (%(org)s, %(base)s, 'organization', 'x')",
        "insert into chat.chat_bases (org_id, chat_id, base_id) values (%(org)s, %(chat)s, %(base)s)",
        (
            "insert into kb.kb_documents (org_id, id, base_id, filename, media_type, size_bytes, sha256, status) "
            "values (%(org)s, %(document)s, %(base)s, 'x.txt', 'text/plain', 1, repeat('0', 64), 'indexed')"
        ),
        (
            f"insert into kb.kb_indexes (org_id, base_id, model_id, dimensions, state) values "
            f"(%(org)s, %(base)s, '{LEXICAL}', 256, 'active')"
        ),
        "insert into ai.ai_providers (name, kind, base_url) values ('remote', 'openai', %(url)s)",
        (
            "insert into ai.ai_models (provider_id, model_id, kind, status) select p.id, m, 'chat', 'available' "
            "from ai.ai_providers p, unnest(array['speaks', 'waits']) m where p.name = 'remote'"
        ),
    )
    with psycopg.connect(local.admin_url, autocommit=True) as admin:
        for statement in statements:
            admin.execute(statement.encode(), values)
        with admin.cursor() as cursor:
            cursor.executemany(
                "insert into kb.kb_chunks (org_id, base_id, document_id, model_id, seq, content, language, tokens, "
                "start_char, end_char, embedding) values (%s, %s, %s, %s, %s, %s, 'english', 12, %s, %s, %s)",
                [
                    (ORG, BASE, DOCUMENT, LEXICAL, at, text, at * 100, at * 100 + len(text), str(vector))
                    for at, (text, vector) in enumerate(zip(texts, embed(texts), strict=True))
                ],
            )
        admin.execute("analyze")
        use(admin, "speaks")


def use(admin: psycopg.Connection, model: str) -> None:
    admin.execute(
        "update ai.ai_config_sys set chat_model_id = (select id from ai.ai_models where model_id = %s)", [model]
    )


def ask(server: Server) -> Received:
    body = json.dumps(QUESTION).encode()
    claims = Person("local|u").claims()
    return server.open(f"/chats/{CHAT}/stream", "POST", body, authorization=claims, content_type="application/json")


def until(received: Received, name: bytes) -> None:
    while not (block := received.block()).startswith(b"event: " + name):
        assert block.strip(), "the stream ended"


def first_words(server: Server, url: str) -> None:
    own, ours = [], []
    for at in range(ROUNDS + 5):
        own_s, ours_s = time_alone(url), time_streamed(server)
        if at >= 5:
            own.append(own_s)
            ours.append(ours_s)
    ratio = percentile(ours) / percentile(own)
    added_ms = (statistics.median(ours) - statistics.median(own)) * 1000
    print(
        f"first word, p95: model alone {percentile(own) * 1000:.0f} ms, streamed {percentile(ours) * 1000:.0f} ms, "
        f"ratio {ratio:.3f} (budget {BUDGET}); median adds {added_ms:.1f} ms: 5 round trips, embedding, search"
    )


def time_alone(url: str) -> float:
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    begun_s = time.perf_counter()
    connection.request("POST", "/chat/completions", json.dumps({"model": "speaks"}))
    response = connection.getresponse()
    response.readline()
    taken_s = time.perf_counter() - begun_s
    response.read()
    connection.close()
    return taken_s


def time_streamed(server: Server) -> float:
    begun_s = time.perf_counter()
    received = ask(server)
    until(received, b"delta")
    taken_s = time.perf_counter() - begun_s
    until(received, b"done")
    received.hang_up()
    return taken_s


def percentile(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def waiting(server: Server, local: LocalDatabase, url: str) -> None:
    with psycopg.connect(local.admin_url, autocommit=True) as admin:
        use(admin, "waits")
        before = memory_mb()
        streams: list[Received] = []
        while len(streams) < STREAMS:
            opened = [ask(server) for _ in range(BATCH)]
            for received in opened:
                until(received, b"delta")
            streams += opened
        row = admin.execute(
            "select count(*) filter (where state <> 'idle'), count(*) from pg_stat_activity where usename = 'app_login'"
        ).fetchone()
        assert row is not None
        print(
            f"{STREAMS} answers wait on one process: {row[0]} connections to the database in use, {row[1]} open in the "
            f"pool; {memory_mb() - before:.0f} MB more"
        )
        connection = http.client.HTTPConnection(urlsplit(url).netloc)
        connection.request("GET", "/release")
        connection.getresponse().read()
        for received in streams:
            until(received, b"done")
        stored = admin.execute("select count(*) from chat.messages where finish_reason = 'stop'").fetchone()
        charged = admin.execute("select count(distinct id), count(*) from ai.ai_calls").fetchone()
        print(f"stored answers {stored}, recorded calls {charged}: two for each answer")


def memory_mb() -> float:
    """What this process has in memory: the server and the clients."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    main()
