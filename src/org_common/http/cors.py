"""Cross-origin resource sharing (CORS): the policy of an app."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

TYPE_CHECKING = False

if TYPE_CHECKING:
    from org_common.http.request import Request

_ORIGIN = re.compile(r"https?://(\*\.)?[a-z0-9.-]+(:[0-9]+)?|[a-z][a-z0-9+.-]*://[a-z0-9.-]+")
# RFC 9110, section 5.6.2.
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_ONE_OR_MORE_LABELS = r"[a-z0-9-]+(\.[a-z0-9-]+)*\."
DEFAULT_REQUEST_HEADERS = ("authorization", "content-type", "idempotency-key", "if-match", "if-none-match")
DEFAULT_EXPOSED_HEADERS = ("etag", "idempotent-replayed", "location", "retry-after")


class Cors:
    """Which web pages of other origins may call an app: `App("shop", cors=Cors(["https://shop.example"]))`.

    The allowed methods are those of the routes of a path.

    Args:
        origins: As browsers send them: scheme, host and port in lower case. "https://*.shop.example" allows all
            subdomains, `["*"]` every origin. `TypeError` for a malformed origin.
        headers: More request headers that a page may set. It may always set those that the SDK reads, such as
            `authorization` and `if-match`, and those that the routes of the path declare with `Header()`.
        expose: More response headers that a page may read. It may always read those that the SDK sets, such as `etag`.
        credentials: Whether browsers send cookies and let the page read the response. Excludes `["*"]`.
        max_age_s: How long a browser may cache the result of a preflight request.
    """

    __slots__ = (
        "_credentials",
        "_exposed_headers",
        "_is_open",
        "_max_age",
        "_origins",
        "_request_headers",
        "_subdomains",
    )

    def __init__(
        self,
        origins: Sequence[str],
        *,
        headers: Sequence[str] = (),
        expose: Sequence[str] = (),
        credentials: bool = False,
        max_age_s: int = 600,
    ) -> None:
        if isinstance(origins, str) or not origins:
            raise TypeError('Cors() needs a list of origins. Example: Cors(["https://shop.example"])')
        self._is_open = "*" in origins
        if self._is_open and (credentials or len(origins) > 1):
            raise TypeError(
                'Cors(["*"]) allows every origin, which excludes other origins and credentials=True: list the origins. '
                'Example: Cors(["https://shop.example"], credentials=True)'
            )
        for origin in () if self._is_open else origins:
            if _ORIGIN.fullmatch(origin) is None:
                raise TypeError(
                    f"Cors: {origin!r} is not a valid origin: use scheme, host and port, in lower case and without a "
                    'path. Example: "https://shop.example"'
                )
        self._origins = frozenset(origins)
        patterns = [_subdomain_pattern(origin) for origin in origins if "://*." in origin]
        self._subdomains = re.compile("|".join(patterns)) if patterns else None
        self._request_headers = _names("headers", DEFAULT_REQUEST_HEADERS, headers)
        self._exposed_headers = ", ".join(_names("expose", DEFAULT_EXPOSED_HEADERS, expose))
        self._credentials = credentials
        self._max_age = str(max_age_s)

    def add_headers(self, headers: dict[str, str], request: Request) -> None:
        """Add the headers to a response that let the caller's page read it."""
        if self._is_open:
            headers["access-control-allow-origin"] = "*"
        else:
            # Even if this origin is not allowed: a cache must not serve one origin the response to another.
            headers["vary"] = f"{headers['vary']}, origin" if "vary" in headers else "origin"
            origin = request.headers.get("origin")
            if origin is None or not self._allows(origin):
                return
            headers["access-control-allow-origin"] = origin
        if self._credentials:
            headers["access-control-allow-credentials"] = "true"
        headers["access-control-expose-headers"] = self._exposed_headers

    def add_preflight_headers(self, headers: dict[str, str], methods: str, declared: Iterable[str] = ()) -> None:
        """Add the headers to the response to a preflight request. `add_headers` adds the allowed origin.

        `declared` are the request headers that the routes of the path read, in lower case.
        """
        headers["access-control-allow-methods"] = methods
        headers["access-control-allow-headers"] = ", ".join(dict.fromkeys((*self._request_headers, *declared)))
        headers["access-control-max-age"] = self._max_age

    def _allows(self, origin: str) -> bool:
        return origin in self._origins or (
            self._subdomains is not None and self._subdomains.fullmatch(origin) is not None
        )


def _names(argument: str, defaults: Sequence[str], more: Sequence[str]) -> tuple[str, ...]:
    """The names of the defaults and of the argument, in lower case."""
    names = tuple(more)
    if isinstance(more, str) or not all(_HEADER.fullmatch(name) for name in names):
        raise TypeError(
            f'Cors({argument}={more!r}) is not a list of header names. Example: {argument}=["x-request-id"]'
        )
    return tuple(dict.fromkeys((*defaults, *(name.lower() for name in names))))


def _subdomain_pattern(origin: str) -> str:
    scheme, _, host = origin.partition("://*.")
    return f"{scheme}://{_ONE_OR_MORE_LABELS}{re.escape(host)}"
