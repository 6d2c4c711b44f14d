"""Idempotency keys: a repeated request has one effect, because its response is stored in the same transaction.

Follows https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/. A key belongs to a caller, a method
and a path as sent. Only successful responses are stored: a failed request was rolled back and may be retried.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import orjson
from psycopg.pq.abc import PGresult

from org_common.db.protocol.statement import Wire, prepare_own
from org_common.values.errors import BadRequest

REPLAY = "OCRPL"
# How long a response is stored: as long as a client may retry.
LIFE_S = 24 * 3600
# Stored with the headers, under a name that no header can have.
_COOKIES = ":cookies"
# The draft's key is a quoted string (RFC 9651); most clients leave the quotes out.
_KEY = r'"([\x20-\x21\x23-\x5b\x5d-\x7e]{1,255})"|([\x21\x23-\x7e]{1,255})'

_CLAIM = prepare_own("select app.claim_idempotency_key(%(method)s, %(path)s, %(key)s, %(fingerprint)s)")
_STORE = prepare_own(
    "select app.store_response(%(method)s, %(path)s, %(key)s, %(fingerprint)s, %(status)s, %(headers)s, %(body)s, "
    "%(life_s)s * interval '1 second')"
)
_STORED = prepare_own("select status, headers, body from app.stored_response(%(method)s, %(path)s, %(key)s)")


# Status, headers, body, and the values of Set-Cookie.
StoredResponse = tuple[int, dict[str, str], bytes, Sequence[str]]


class Replay(BaseException):
    """A response to this request is stored; the handler ends at its first statement, which did not run.

    Not an `Exception`, so that a handler's `except Exception` does not catch it.
    """


class IdempotencyKey:
    """The key of one request, and the fingerprint that tells a retry from another request."""

    # Not a dataclass: creating one took most of this file's import (1.3 ms of a cold start, 0.4 without).
    __slots__ = ("fingerprint", "key", "method", "path")

    def __init__(self, key: str, method: str, path: str, fingerprint: str) -> None:
        self.key: str = key
        self.method: str = method
        self.path: str = path
        self.fingerprint: str = fingerprint

    @classmethod
    def of(cls, header: str, *, method: str, path: str, query: str, body: bytes) -> IdempotencyKey:
        """Parse the header Idempotency-Key; raises `BadRequest` when it is invalid. `path` is as sent."""
        found = re.fullmatch(_KEY, header.strip())
        if found is None:
            raise BadRequest(
                "The Idempotency-Key must be 1 to 255 printable ASCII characters, such as a UUID.",
                code="invalid_idempotency_key",
            )
        from org_common.values.digests import sha256

        fingerprint = sha256(query.encode() + b"\n" + body).hexdigest()
        return cls(found[1] or found[2], method, path, fingerprint)

    def claim(self) -> Wire:
        """The statement in front of the first: raises `REPLAY` on the server when a response is stored.

        409 while the same request is still in progress, 422 when the key was used for another request.
        """
        return _CLAIM.bind(self)

    def store(self, response: StoredResponse) -> Wire:
        """The statement that stores the response, sent with COMMIT."""
        status, headers, body, cookies = response
        values = {
            "method": self.method,
            "path": self.path,
            "key": self.key,
            "fingerprint": self.fingerprint,
            "status": status,
            "headers": orjson.dumps({**headers, _COOKIES: cookies} if cookies else headers).decode(),
            "body": body,
            "life_s": LIFE_S,
        }
        return _STORE.bind(values)

    def stored(self) -> Wire:
        """The statement that loads the stored response, for a transaction of its own."""
        return _STORED.bind(self)


def load(result: PGresult) -> StoredResponse | None:
    """The stored response; None when it has expired."""
    from psycopg.adapt import Transformer

    from org_common.db.protocol.statement import CONTEXT

    if result.ntuples == 0:
        return None
    transformer = Transformer(CONTEXT)
    transformer.set_pgresult(result)
    status, headers, body = transformer.load_row(0, tuple)
    return status, headers, bytes(body), headers.pop(_COOKIES, [])
