"""What is added to every answer on its way out, problems too: tags, codings, CORS and security headers."""

from __future__ import annotations

from org_common.http.response import check_headers, copied

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Mapping

    from org_common.http.cors import Cors
    from org_common.http.request import Request
    from org_common.http.response import Response

# OWASP's list for REST APIs: the answer is what it says it is, loads nothing, stands in no frame, and the next
# request goes over TLS. What a handler sets itself wins.
SECURITY = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "strict-transport-security": "max-age=31536000",
}
COMPRESSED_FROM_BYTES = 1024


class Finish:
    """The last step of one app: its policy for all answers."""

    __slots__ = ("_always", "_compress", "_cors")

    def __init__(self, *, cors: Cors | None, compress: bool, headers: Mapping[str, str]) -> None:
        self._cors = cors
        self._compress = compress
        self._always = {name.lower(): value for name, value in headers.items()}
        check_headers(self._always)

    def apply(self, request: Request, response: Response) -> Response:
        """The response as it goes out. One that others hold stays as it is."""
        if not response.is_ours:
            response = copied(response)
        headers = {**self._always, **response.headers}
        body = response.body
        status = response.status
        coding = None
        if len(body) >= COMPRESSED_FROM_BYTES and self._compress:
            coding = _coding(request, headers)
        method = request.method
        if method == "GET" or method == "HEAD":  # noqa: PLR1714 - half the time of `in`
            status, body = _tagged(request, status, headers, body, coding)
        if coding is not None and body:
            from org_common.http.compress import compress_body

            headers["content-encoding"] = coding
            body = compress_body(body, coding)
        if self._cors is not None:
            self._cors.add_headers(headers, request)
        if method == "HEAD":
            body = b""
        response.status, response.headers, response.body = status, headers, body
        return response


def _coding(request: Request, headers: dict[str, str]) -> str | None:
    """In what to send the body; None as it is."""
    from org_common.http.compress import choose_coding, is_compressible

    if "content-encoding" in headers or not is_compressible(headers.get("content-type", "")):
        return None
    headers["vary"] = f"{headers['vary']}, accept-encoding" if "vary" in headers else "accept-encoding"
    if "no-transform" in headers.get("cache-control", "").lower():
        return None
    return choose_coding(request.headers.get("accept-encoding", ""))


def _tagged(
    request: Request, status: int, headers: dict[str, str], body: bytes, coding: str | None
) -> tuple[int, bytes]:
    """With the entity tag of a 200; as a 304 when the caller has it already (RFC 9110 section 15.4.5)."""
    tag = headers.get("etag")
    if status != 200 or not (body or tag):
        return status, body
    from org_common.http import etag

    tag = tag or etag.entity_tag(body)
    headers["etag"] = tag if coding is None else etag.coded_tag(tag, coding)
    known = request.headers.get("if-none-match")
    if known is None or not etag.matches(known, tag.removeprefix("W/"), weakly=True):
        return status, body
    for name in ("content-type", "content-language"):
        headers.pop(name, None)
    return 304, b""
