"""Cross-origin requests: one policy value of an app."""

from __future__ import annotations

import re
from collections.abc import Sequence

TYPE_CHECKING = False

if TYPE_CHECKING:
    from org_common.http.request import Request

_ORIGIN = re.compile(r"https?://(\*\.)?[a-z0-9.-]+(:[0-9]+)?|[a-z][a-z0-9+.-]*://[a-z0-9.-]+")
_ONE_OR_MORE_LABELS = r"[a-z0-9-]+(\.[a-z0-9-]+)*\."
ASKED = ("authorization", "content-type", "idempotency-key", "if-match", "if-none-match")
SHOWN = ("etag", "idempotent-replayed", "location", "retry-after")


class Cors:
    """Which pages of other origins may call an app from a browser: `App("shop", cors=Cors(["https://shop.example"]))`.

    `origins`: as browsers send them; "https://*.shop.example" for all below; `["*"]` for everybody, which excludes
    `credentials` (cookies). The methods are those that a path has. `headers`: what a request may carry beyond the
    plain ones. `expose`: what a page may read of an answer. `max_age_s`: how long a browser need not ask again.
    """

    __slots__ = ("_credentials", "_exact", "_expose", "_headers", "_is_open", "_max_age", "_pattern")

    def __init__(
        self,
        origins: Sequence[str],
        *,
        headers: Sequence[str] = ASKED,
        expose: Sequence[str] = SHOWN,
        credentials: bool = False,
        max_age_s: int = 600,
    ) -> None:
        if isinstance(origins, str) or not origins:
            raise TypeError('Cors() needs a list of origins. Example: Cors(["https://shop.example"])')
        self._is_open = "*" in origins
        if self._is_open and (credentials or len(origins) > 1):
            raise TypeError('Cors(["*"]) is everybody, and that goes neither with other origins nor with credentials')
        for origin in () if self._is_open else origins:
            if _ORIGIN.fullmatch(origin) is None:
                raise TypeError(
                    f"Cors: {origin!r} is no origin: scheme, host and port, in lower case and without a path. "
                    'Example: "https://shop.example"'
                )
        self._exact = frozenset(origins)
        below = [_below(origin) for origin in origins if "://*." in origin]
        self._pattern = re.compile("|".join(below)) if below else None
        self._headers = ", ".join(headers)
        self._expose = ", ".join(expose)
        self._credentials = credentials
        self._max_age = str(max_age_s)

    def put(self, headers: dict[str, str], request: Request) -> None:
        """Add to an answer's headers what lets the caller's page read it."""
        if self._is_open:
            headers["access-control-allow-origin"] = "*"
        else:
            # Whether or not this origin is allowed: a cache must not answer one with what was made for another.
            headers["vary"] = f"{headers['vary']}, origin" if "vary" in headers else "origin"
            origin = request.headers.get("origin")
            if origin is None or not self._allows(origin):
                return
            headers["access-control-allow-origin"] = origin
        if self._credentials:
            headers["access-control-allow-credentials"] = "true"
        if self._expose:
            headers["access-control-expose-headers"] = self._expose

    def preflight(self, headers: dict[str, str], methods: str) -> None:
        """Add to an answer to OPTIONS what the browser asks before the request. `put` says for which origin."""
        headers["access-control-allow-methods"] = methods
        headers["access-control-allow-headers"] = self._headers
        headers["access-control-max-age"] = self._max_age

    def _allows(self, origin: str) -> bool:
        return origin in self._exact or (self._pattern is not None and self._pattern.fullmatch(origin) is not None)


def _below(origin: str) -> str:
    scheme, _, host = origin.partition("://*.")
    return f"{scheme}://{_ONE_OR_MORE_LABELS}{re.escape(host)}"
