"""A server that speaks GetSecretValue, counts who reads, and fails as the real one does: moto never refuses."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

REGION = "eu-central-1"


class FakeStore:
    """`secrets` are by name, or "name?stage=AWSPENDING". `faults` are error codes, one a request, `always` for all."""

    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}
        self.faults: list[str] = []
        self.always: str | None = None
        # Each so many reads one is throttled.
        self.throttle_each: int | None = None
        self.reads = 0
        self.lock = threading.Lock()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, answer = fake._answer(asked)
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.1")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            request_queue_size = 256
            daemon_threads = True

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def environ(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self._server.server_port}",
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
        }

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def clear(self) -> None:
        with self.lock:
            self.secrets, self.faults, self.always, self.throttle_each, self.reads = {}, [], None, None, 0

    def _answer(self, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        stage = asked.get("VersionStage", "AWSCURRENT")
        name = asked["SecretId"] + ("" if stage == "AWSCURRENT" else f"?stage={stage}")
        with self.lock:
            self.reads += 1
            fault = self.faults.pop(0) if self.faults else self.always
            if self.throttle_each and self.reads % self.throttle_each == 0:
                fault = "ThrottlingException"
            found = self.secrets.get(name)
        if fault is not None:
            return 500 if fault.startswith("Internal") else 400, {"__type": fault, "message": "as the test says"}
        if found is None:
            return 400, {"__type": "ResourceNotFoundException", "message": "there is none"}
        return 200, {"Name": asked["SecretId"], "SecretString": found, "VersionStages": [stage]}
