"""Fetches secrets from the AWS Parameters and Secrets Lambda Extension, a local cache, over a plain socket."""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Mapping

import orjson

from org_common.secrets.counters import SecretCounters
from org_common.secrets.source import EXTENSION_PAUSES_S, Failed, Refused, jittered, retry
from org_common.values.secret import Reference, Secret

PORT_VARIABLE = "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT"
# The file of the extension, named in the log of each start.
PROGRAM = "/opt/extensions/AWSParametersAndSecretsLambdaExtension"
PORT = 2773
# All attempts together; after that the secret is fetched from AWS.
TOTAL_S = 1.0
# For how long an extension that did not respond is skipped.
SKIP_S = 30.0
# Secrets have at most 64 KiB, and each byte may take six in JSON.
MAX_BYTES = 1024 * 1024
# The body of its 400 while it starts. Its 400 for an error of AWS hides the code, which only its log shows.
NOT_READY = b"not ready to serve traffic"
AWS_ERROR = re.compile(
    rb"unexpected error occurred while executing request|\b[A-Z][A-Za-z]+(?:Exception|Failure|NotFound)\b"
)


class _ErrorResponse(Failed):
    """The extension responded, but without the secret."""


class Extension:
    """The extension. Its values may be minutes old, as it has its own cache.

    It opens its port later than the function starts, and responds 400 until it is ready, during a burst, and for each
    secret that AWS refuses. Once it has served a secret, a failure affects only the secret that failed.
    """

    name = "extension"

    def __init__(
        self,
        port: int,
        environ: Mapping[str, str],
        counters: SecretCounters,
        *,
        total_s: float = TOTAL_S,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        """`environ` has AWS_SESSION_TOKEN, which is read each time: the extension rejects an old one.

        `total_s` limits all attempts of one fetch together, `max_bytes` the size of one response.
        """
        self._port = port
        self._environ = environ
        self._counters = counters
        self._total_s = total_s
        self._max_bytes = max_bytes
        # By stored secret; None for all of them.
        self._skip_until_s: dict[tuple[str | None, ...] | None, float] = {}
        self._is_ready = False

    @classmethod
    def detect(cls, environ: Mapping[str, str], counters: SecretCounters, program: str = PROGRAM) -> Extension | None:
        """The extension if it is installed: its layer adds a program, and Lambda sets the token it requires."""
        port = environ.get(PORT_VARIABLE, "")
        if not environ.get("AWS_SESSION_TOKEN") or not (port or os.path.exists(program)):  # noqa: PTH110 - avoids an import of pathlib
            return None
        return cls(int(port) if port.isdigit() else PORT, environ, counters)

    def serves(self, reference: Reference) -> bool:
        """False for an ARN of another region: the extension knows only the function's own."""
        own = self._environ.get("AWS_REGION") or self._environ.get("AWS_DEFAULT_REGION")
        return not own or not reference.region or reference.region == own

    def fetch(self, reference: Reference, deadline_s: float) -> Secret:
        """The stored secret; `Refused` or `Failed`. Temporary failures are retried."""
        now_s = time.monotonic()
        if any(now_s < self._skip_until_s.get(key, 0.0) for key in (None, reference.stored)):
            raise Failed("the extension is skipped, as it did not respond before")
        limit_s = now_s + self._total_s
        has_full_time = deadline_s >= limit_s
        deadline_s = min(deadline_s, limit_s)
        path = _path(reference)
        try:
            secret = retry(
                lambda: self._get(path, reference, deadline_s), EXTENSION_PAUSES_S, self._counters, deadline_s
            )
        except Failed as failed:
            # A caller with less time than that proves nothing about the extension.
            if has_full_time:
                self._skip(reference, failed)
            raise
        self._is_ready = True
        return secret

    def forget(self) -> None:
        """Do not skip the extension any more."""
        self._skip_until_s = {}
        self._is_ready = False

    def _skip(self, reference: Reference, failed: Failed) -> None:
        """Skip the extension for a while: for this secret if it served another one before, else for all."""
        key = reference.stored if self._is_ready else None
        self._skip_until_s[key] = time.monotonic() + jittered(SKIP_S, 0.3)
        if not isinstance(failed, _ErrorResponse):
            # One slow secret is not a broken extension, a second one without a success in between is.
            self._is_ready = False

    def _get(self, path: str, reference: Reference, deadline_s: float) -> Secret:
        failed: str | None = None
        status, body = 0, b""
        try:
            status, body = self._exchange(path, deadline_s)
        except (OSError, ValueError) as error:
            # Only its type, and raised outside of this block: some messages repeat the input.
            failed = type(error).__name__
        if failed is not None:
            raise Failed(f"the extension: {failed}")
        if status == 200:
            return self._secret(body, reference)
        if status in (401, 403, 404):
            raise Refused(f"the extension responded {status}")
        if NOT_READY in body:
            raise Failed("the extension is not ready")
        if status == 400 and (self._is_ready or AWS_ERROR.search(body)):
            # An error of AWS, so the extension works. The next source finds out whether the error is final.
            self._is_ready = True
            raise Refused("the extension responded 400")
        raise _ErrorResponse(f"the extension responded {status}")

    def _secret(self, body: bytes, reference: Reference) -> Secret:
        is_json = True
        try:
            response = orjson.loads(body)
            return Secret(response["Parameter"]["Value"] if reference.service == "ssm" else response["SecretString"])
        except orjson.JSONDecodeError:
            # The errors are raised outside of this block, as this one repeats the input.
            is_json = False
        except (KeyError, TypeError):
            self._is_ready = True
        if is_json:
            raise Refused("the extension's response contains no string: is the secret binary?")
        raise Failed("the extension's response is not JSON")

    def _exchange(self, path: str, deadline_s: float) -> tuple[int, bytes]:
        """One request on its own connection. Without http.client, which imports `email` and takes 5 times as long."""
        left_s = deadline_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("no response in time")
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
                if len(received) > self._max_bytes:
                    raise ValueError("response too large")
                left_s = deadline_s - time.monotonic()
                if left_s <= 0:
                    raise TimeoutError("no response in time")
                connection.settimeout(left_s)
        return _parse(bytes(received))


def _path(reference: Reference) -> str:
    if reference.service == "ssm":
        query = {"name": reference.id, "withDecryption": "true"}
        if reference.version:
            query["version" if reference.version.isdigit() else "label"] = reference.version
        return f"/systemsmanager/parameters/get?{_encode(query)}"
    query = {"secretId": reference.id}
    if reference.stage:
        query["versionStage"] = reference.stage
    if reference.version:
        query["versionId"] = reference.version
    return f"/secretsmanager/get?{_encode(query)}"


def _encode(query: Mapping[str, str]) -> str:
    """Percent-encode here: importing urllib.parse would take half of the time that this whole file takes."""
    return "&".join(f"{name}={''.join(map(_encode_byte, value.encode()))}" for name, value in query.items())


def _encode_byte(byte: int) -> str:
    character = chr(byte)
    return character if character.isascii() and (character.isalnum() or character in "-._") else f"%{byte:02X}"


def _parse(response: bytes) -> tuple[int, bytes]:
    """Status and body of an HTTP response that ended with its connection; `ValueError` if it is incomplete."""
    head, end, body = response.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    words = lines[0].split(b" ", 2)
    if not end or len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
        raise ValueError("not an HTTP response")
    headers = {
        name.strip().lower(): value.strip().lower() for name, _, value in (line.partition(b":") for line in lines[1:])
    }
    if headers.get(b"transfer-encoding") == b"chunked":
        body = _unchunked(body)
    elif b"content-length" in headers and len(body) != int(headers[b"content-length"]):
        raise ValueError("incomplete response")
    return int(words[1]), body


def _unchunked(body: bytes) -> bytes:
    parts: list[bytes] = []
    while True:
        size, end, rest = body.partition(b"\r\n")
        length = int(size.partition(b";")[0], 16)
        if not end or len(rest) < length:
            raise ValueError("incomplete response")
        if length == 0:
            return b"".join(parts)
        parts.append(rest[:length])
        body = rest[length + 2 :]
