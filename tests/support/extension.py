"""A server that plays the AWS Parameters and Secrets extension, with the faults that it is known for."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

TOKEN = "session-token-of-the-test"
NOT_READY = b"not ready to serve traffic, please wait"
# Its response to any error of AWS; only its log has the code.
UPSTREAM = b"an unexpected error occurred while executing request"


class FakeExtension:
    """`secrets` and `parameters` are what it knows. `faults` are consumed one per request: a status, "slow", "half",
    "junk", "no-secret", or the bytes of a response. With `chunked` it answers as Go does above 2 KiB.
    """

    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}
        self.parameters: dict[str, str] = {}
        self.faults: list[int | str | bytes] = []
        self.always: int | str | bytes | None = None
        self.chunked = False
        self.asked: list[str] = []
        self.lock = threading.Lock()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                fake._answer(self)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            request_queue_size = 64
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                # Whoever asked has gone: that is his right.
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def port(self) -> int:
        return self._server.server_port

    @property
    def environ(self) -> dict[str, str]:
        """Of a function that has it."""
        return {"PARAMETERS_SECRETS_EXTENSION_HTTP_PORT": str(self.port), "AWS_SESSION_TOKEN": TOKEN}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        with self.lock:
            self.asked.append(handler.path)
            fault = self.faults.pop(0) if self.faults else self.always
        if fault == "slow":
            time.sleep(3)
        if isinstance(fault, int):
            return _send(handler, fault, NOT_READY)
        if isinstance(fault, bytes):
            handler.wfile.write(fault)
            handler.close_connection = True
            return None
        if handler.headers["X-Aws-Parameters-Secrets-Token"] != TOKEN:
            return _send(handler, 401, b"unauthorized")
        status, answer = self._found(handler.path)
        if fault == "junk":
            return _send(handler, 200, b"<html>hello</html>")
        if fault == "no-secret":
            return _send(handler, 200, b'{"ARN": "arn:aws:secretsmanager:x"}')
        if fault == "half":
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + answer)
            handler.close_connection = True
            return None
        if self.chunked:
            return _send_chunked(handler, answer)
        return _send(handler, status, answer)

    def _found(self, path: str) -> tuple[int, bytes]:
        parts = urlsplit(path)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path == "/secretsmanager/get":
            stage = asked.get("versionStage", "")
            text = self.secrets.get(asked["secretId"] + (f"?stage={stage}" if stage else ""))
            body: dict[str, Any] = {"Name": asked["secretId"], "SecretString": text, "VersionStages": ["AWSCURRENT"]}
        else:
            assert parts.path == "/systemsmanager/parameters/get"
            assert asked["withDecryption"] == "true"
            version = asked.get("version") or asked.get("label")
            text = self.parameters.get(asked["name"] + (f"?version={version}" if version else ""))
            body = {"Parameter": {"Name": asked["name"], "Value": text}, "ResultMetadata": {}}
        # What the store refuses comes as a 400 as well.
        return (400, UPSTREAM) if text is None else (200, json.dumps(body).encode())


def _send(handler: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def _send_chunked(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    for at in range(0, len(body), 1000):
        part = body[at : at + 1000]
        handler.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
    handler.wfile.write(b"0\r\n\r\n")
