"""The last step of every response, problems included: entity tags, compression, CORS and security headers."""

from __future__ import annotations

from org_common.http.response import OwnedResponse, check_headers, private_copy

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Mapping

    from org_common.http.cors import Cors
    from org_common.http.request import Request
    from org_common.http.response import Response

# The OWASP REST Security Cheat Sheet: no content sniffing, no loading, no framing, TLS for later requests. A header
# that the handler sets wins.
SECURITY = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "strict-transport-security": "max-age=31536000",
}
COMPRESSED_FROM_BYTES = 1024


class Finish:
    """The last step of one app: its policy for all responses."""

    __slots__ = ("_always", "_compress", "_cors")

    def __init__(self, *, cors: Cors | None, compress: bool, headers: Mapping[str, str]) -> None:
        self._cors = cors
        self._compress = compress
        self._always = {name.lower(): value for name, value in headers.items()}
        check_headers(self._always)

    def apply(self, request: Request, response: Response) -> OwnedResponse:
        """The response as it is sent. A response that a handler or a middleware holds is copied first."""
        if not isinstance(response, OwnedResponse):
            if response.is_stream:
                return self._finish_stream(request, response)
            response = private_copy(response)
        elif response.is_finished:
            return response
        headers = {**self._always, **response.headers}
        body = response.body
        status = response.status
        coding = None
        if len(body) >= COMPRESSED_FROM_BYTES and self._compress:
            coding = _coding(request, headers)
        method = request.method
        if method == "GET" or method == "HEAD":  # noqa: PLR1714 - half the time of `in`
            status, body = _tag(request, status, headers, body, coding)
        if coding is not None and body:
            from org_common.http.compress import compress_body

            headers["content-encoding"] = coding
            body = compress_body(body, coding)
        if self._cors is not None:
            self._cors.add_headers(headers, request)
        if method == "HEAD":
            body = b""
        response.status, response.headers, response.body = status, headers, body
        response.is_finished = True
        return response

    def _finish_stream(self, request: Request, response: Response) -> OwnedResponse:
        """The head of a stream. It is never compressed: a compressor holds back what it may shorten."""
        from org_common.http.stream import open_stream

        headers = {**self._always, **response.headers}
        status = response.status
        if request.method in ("GET", "HEAD"):
            status, _ = _tag(request, status, headers, b"", None)
        if self._cors is not None:
            self._cors.add_headers(headers, request)
        return open_stream(request, response, status, headers)  # type: ignore[arg-type]  # `is_stream` says so


def _coding(request: Request, headers: dict[str, str]) -> str | None:
    """The content coding to send the body in; None to send it as it is."""
    from org_common.http.compress import choose_coding, is_compressible

    if "content-encoding" in headers or not is_compressible(headers.get("content-type", "")):
        return None
    headers["vary"] = f"{headers['vary']}, accept-encoding" if "vary" in headers else "accept-encoding"
    if "no-transform" in headers.get("cache-control", "").lower():
        return None
    return choose_coding(request.headers.get("accept-encoding", ""))


def _tag(request: Request, status: int, headers: dict[str, str], body: bytes, coding: str | None) -> tuple[int, bytes]:
    """Add the entity tag to a 200; make it a 304 when the caller has it already (RFC 9110 section 15.4.5)."""
    tag = headers.get("etag")
    if status != 200 or not (body or tag):
        return status, body
    from org_common.http import etag

    tag = tag or etag.entity_tag(body)
    headers["etag"] = tag if coding is None else etag.coded_tag(tag, coding)
    sent_tags = request.headers.get("if-none-match")
    if sent_tags is None or not etag.matches(sent_tags, tag.removeprefix("W/"), weakly=True):
        return status, body
    for name in ("content-type", "content-language"):
        headers.pop(name, None)
    return 304, b""
