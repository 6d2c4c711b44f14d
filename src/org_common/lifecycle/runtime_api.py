"""Calls Lambda's Runtime API, response streams included.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html and, for the streams,
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming
"""

from __future__ import annotations

import json
import os
import select
import sys
import time
from base64 import b64encode
from http.client import HTTPConnection
from traceback import format_exception, format_tb

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Mapping
    from http.client import HTTPMessage
    from typing import Any

VERSION = "/2018-06-01/runtime"
STREAM_TYPE = "application/vnd.awslambda.http-integration-response"
# Between the head of the response, in JSON, and its body.
HEAD_END = bytes(8)
ERROR_TYPE, ERROR_BODY = "Lambda-Runtime-Function-Error-Type", "Lambda-Runtime-Function-Error-Body"


class Context:
    """What Lambda says about an invocation: the second argument of a handler. It has no `client_context`."""

    def __init__(self, headers: HTTPMessage) -> None:
        self.aws_request_id: str = headers["Lambda-Runtime-Aws-Request-Id"]
        self.invoked_function_arn: str = headers.get("Lambda-Runtime-Invoked-Function-Arn", "")
        self.tenant_id: str | None = headers.get("Lambda-Runtime-Aws-Tenant-Id")
        self.function_name: str = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "")
        self.function_version: str = os.environ.get("AWS_LAMBDA_FUNCTION_VERSION", "")
        self.memory_limit_in_mb: str = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")
        self.log_group_name: str = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME", "")
        self.log_stream_name: str = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME", "")
        self._deadline_ms = int(headers.get("Lambda-Runtime-Deadline-Ms", "0"))

    def get_remaining_time_in_millis(self) -> int:
        """The time until Lambda ends the invocation."""
        return max(self._deadline_ms - int(time.time() * 1000), 0)


class RuntimeApi:
    """Lambda's side of this process, on one connection."""

    def __init__(self, address: str) -> None:
        """`address` is that of AWS_LAMBDA_RUNTIME_API, "127.0.0.1:9001"."""
        self._connection = HTTPConnection(address)

    def next(self) -> tuple[Context, bytes]:
        """Wait for an invocation: its context, and its event in JSON."""
        headers, body = self._call("GET", "/invocation/next")
        os.environ["_X_AMZN_TRACE_ID"] = headers.get("Lambda-Runtime-Trace-Id", "")
        return Context(headers), body

    def wait_for_restore(self) -> None:
        """Return when the environment was restored from its snapshot. The connection does not outlive the snapshot."""
        self._call("GET", "/restore/next")
        self.close()

    def close(self) -> None:
        """Close the connection. The next call opens another one."""
        self._connection.close()

    def respond(self, id: str, body: bytes) -> None:
        """Send a complete response."""
        self._call("POST", f"/invocation/{id}/response", body, {"Content-Type": "application/json"})

    def fail(self, path: str, error: BaseException) -> None:
        """Print an error, and report it: `path` is "/init/error", "/restore/error" or that of an invocation."""
        sys.stderr.write("".join(format_exception(error)))
        kind = type(error).__name__
        report = {"errorMessage": str(error), "errorType": kind, "stackTrace": format_tb(error.__traceback__)}
        headers = {"Content-Type": "application/json", ERROR_TYPE: kind}
        self._call("POST", path, json.dumps(report).encode(), headers)

    def stream(self, id: str, head: Mapping[str, Any]) -> ResponseStream:
        """Begin a response stream, whose status and headers are `head`."""
        connection = self._connection
        connection.putrequest("POST", f"{VERSION}/invocation/{id}/response")
        connection.putheader("Content-Type", STREAM_TYPE)
        connection.putheader("Lambda-Runtime-Function-Response-Mode", "streaming")
        connection.putheader("Transfer-Encoding", "chunked")
        connection.putheader("Trailer", f"{ERROR_TYPE}, {ERROR_BODY}")
        connection.endheaders()
        body = ResponseStream(connection)
        body.send(json.dumps(head).encode() + HEAD_END)
        return body

    def _call(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[HTTPMessage, bytes]:
        self._connection.request(method, VERSION + path, body, dict(headers or {}))
        response = self._connection.getresponse()
        content = response.read()
        if response.status >= 300:
            raise RuntimeError(f"{method} {path}: the Runtime API responded with {response.status} {content[:500]!r}")
        return response.headers, content


class ResponseStream:
    """A response on its way to Lambda, in chunks (RFC 9112, section 7.1)."""

    def __init__(self, connection: HTTPConnection) -> None:
        self._connection = connection

    def send(self, chunk: bytes) -> None:
        """Send a chunk. Raises `OSError` when Lambda has closed the connection."""
        if chunk:
            self._connection.send(b"%x\r\n%b\r\n" % (len(chunk), chunk))

    def is_closed(self) -> bool:
        """Whether Lambda has closed the connection, or has responded before the end."""
        return bool(select.select([self._connection.sock], [], [], 0)[0])

    def end(self, error_type: str = "", message: str = "") -> None:
        """End the response. With an error, which is sent in trailers, it is a cut one for Lambda."""
        trailers = b""
        if error_type:
            report = b64encode(json.dumps({"errorType": error_type, "errorMessage": message}).encode())
            trailers = f"{ERROR_TYPE}: {error_type}\r\n{ERROR_BODY}: {report.decode()}\r\n".encode()
        self._connection.send(b"0\r\n%b\r\n" % trailers)
        self._connection.getresponse().read()

    def abort(self) -> None:
        """Leave the rest unsent. The next call opens another connection."""
        self._connection.close()
