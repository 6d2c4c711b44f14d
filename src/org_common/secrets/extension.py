"""The AWS Parameters and Secrets Lambda Extension: a cache beside the function, asked over a plain socket."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping

import orjson

from org_common.secrets.counters import Counters
from org_common.secrets.source import NEAR_PAUSES_S, Failed, Refused, again, jittered
from org_common.values.secret import Reference, Secret

PORT_VARIABLE = "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT"
# An extension's file has its name, which shows in the log of each start.
PROGRAM = "/opt/extensions/AWSParametersAndSecretsLambdaExtension"
PORT = 2773
# All tries together: after it the store itself is asked.
TOTAL_S = 1.0
# For this long nobody asks again where nobody answered.
SILENT_S = 30.0
# Secrets have at most 64 KiB, and each byte may have become six in JSON.
MAX_BYTES = 1024 * 1024


class Extension:
    """A cache of its own, so what it says may be minutes old.

    Its port is open later than the function's first line, and it answers 400 until it is ready and under a burst.
    """

    name = "extension"

    def __init__(self, port: int, environ: Mapping[str, str], counters: Counters) -> None:
        """`environ` has AWS_SESSION_TOKEN, read each time: the extension refuses an old one."""
        self._port = port
        self._environ = environ
        self._counters = counters
        self._silent_until_s = 0.0

    @classmethod
    def found(cls, environ: Mapping[str, str], counters: Counters, program: str = PROGRAM) -> Extension | None:
        """None where it is not: its layer brings a program, and only Lambda gives the token that it asks for."""
        port = environ.get(PORT_VARIABLE, "")
        if not environ.get("AWS_SESSION_TOKEN") or not (port or os.path.exists(program)):  # noqa: PTH110 - pathlib would be one more import
            return None
        return cls(int(port) if port.isdigit() else PORT, environ, counters)

    def fetch(self, reference: Reference, deadline_s: float) -> Secret:
        if time.monotonic() < self._silent_until_s:
            raise Failed("the extension was silent a moment ago")
        enough_s = time.monotonic() + TOTAL_S
        has_enough = deadline_s >= enough_s
        deadline_s = min(deadline_s, enough_s)
        path = _path(reference)
        try:
            return again(lambda: self._ask(path, reference, deadline_s), NEAR_PAUSES_S, self._counters, deadline_s)
        except Failed:
            # Whoever had less time himself says nothing of the extension.
            if has_enough:
                self._silent_until_s = time.monotonic() + jittered(SILENT_S, 0.3)
            raise

    def forget(self) -> None:
        self._silent_until_s = 0.0

    def _ask(self, path: str, reference: Reference, deadline_s: float) -> Secret:
        failed: str | None = None
        status, body = 0, b""
        try:
            status, body = self._exchange(path, deadline_s)
        except (OSError, ValueError) as error:
            # Its type alone, and raised outside of this block: some repeat what they could not read.
            failed = type(error).__name__
        if failed is not None:
            raise Failed(f"the extension: {failed}")
        if status in (401, 403, 404):
            raise Refused(f"the extension answered {status}")
        if status != 200:
            # 400 is "not ready to serve traffic", a burst, and whatever the store itself said: the next one will tell.
            raise Failed(f"the extension answered {status}")
        return _picked(body, reference)

    def _exchange(self, path: str, deadline_s: float) -> tuple[int, bytes]:
        """One request on a connection of its own. Not by http.client: that loads `email`, and costs 5 times as much."""
        left_s = deadline_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("no answer in time")
        with socket.create_connection(("127.0.0.1", self._port), timeout=left_s) as connection:
            connection.sendall(
                f"GET {path} HTTP/1.1\r\nHost: localhost:{self._port}\r\nConnection: close\r\n"
                f"X-Aws-Parameters-Secrets-Token: {self._environ.get('AWS_SESSION_TOKEN', '')}\r\n\r\n".encode(
                    "latin-1"
                )
            )
            received = bytearray()
            while chunk := connection.recv(65536):
                received += chunk
                if len(received) > MAX_BYTES:
                    raise ValueError("too much of an answer")
                left_s = deadline_s - time.monotonic()
                if left_s <= 0:
                    raise TimeoutError("no answer in time")
                connection.settimeout(left_s)
        return _parsed(bytes(received))


def _path(reference: Reference) -> str:
    if reference.service == "ssm":
        asked = {"name": reference.id, "withDecryption": "true"}
        if reference.version:
            asked["version" if reference.version.isdigit() else "label"] = reference.version
        return f"/systemsmanager/parameters/get?{_query(asked)}"
    asked = {"secretId": reference.id}
    if reference.stage:
        asked["versionStage"] = reference.stage
    if reference.version:
        asked["versionId"] = reference.version
    return f"/secretsmanager/get?{_query(asked)}"


def _query(asked: Mapping[str, str]) -> str:
    """Encoded here: urllib.parse would be half of what this whole file costs."""
    return "&".join(f"{name}={''.join(map(_encoded, value.encode()))}" for name, value in asked.items())


def _encoded(byte: int) -> str:
    character = chr(byte)
    return character if character.isascii() and (character.isalnum() or character in "-._") else f"%{byte:02X}"


def _parsed(answer: bytes) -> tuple[int, bytes]:
    """Status and body of an HTTP answer that ended with its connection; `ValueError` for half of one."""
    head, end, body = answer.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    words = lines[0].split(b" ", 2)
    if not end or len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
        raise ValueError("no HTTP")
    headers = {
        name.strip().lower(): value.strip().lower() for name, _, value in (line.partition(b":") for line in lines[1:])
    }
    if headers.get(b"transfer-encoding") == b"chunked":
        body = _unchunked(body)
    elif b"content-length" in headers and len(body) != int(headers[b"content-length"]):
        raise ValueError("half of an answer")
    return int(words[1]), body


def _unchunked(body: bytes) -> bytes:
    parts: list[bytes] = []
    while True:
        size, end, rest = body.partition(b"\r\n")
        length = int(size.partition(b";")[0], 16)
        if not end or len(rest) < length:
            raise ValueError("half of an answer")
        if length == 0:
            return b"".join(parts)
        parts.append(rest[:length])
        body = rest[length + 2 :]


def _picked(body: bytes, reference: Reference) -> Secret:
    try:
        answer = orjson.loads(body)
        text = answer["Parameter"]["Value"] if reference.service == "ssm" else answer["SecretString"]
        return Secret(text)
    except (orjson.JSONDecodeError, KeyError, TypeError):
        # Raised outside of this block: the error repeats what it could not read.
        pass
    raise Failed("the extension's answer has no secret in it")
