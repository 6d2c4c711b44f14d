"""A token issuer of one's own, for the local server: real ES256 signatures, a key in the data folder."""

from __future__ import annotations

import json
import os
import time
import uuid
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from org_common.errors import Unauthorized

ISSUER = "https://issuer.local"
AUDIENCE = "org-common-dev"
LIFE_S = 12 * 3600
ALGORITHM = "ES256"


class LocalIssuer:
    """Signs tokens for people, and verifies them as the API's authorizer would."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key

    @classmethod
    def load(cls, data: Path) -> LocalIssuer:
        """The issuer of a data folder; its key is made when there is none yet."""
        file = data / "issuer.pem"
        if not file.exists():
            data.mkdir(parents=True, exist_ok=True)
            pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
                Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
            )
            fresh = file.with_suffix(f".{os.getpid()}")
            fresh.touch(0o600, exist_ok=False)
            fresh.write_bytes(pem)
            try:
                # Two starts at once: the first key stays.
                os.link(fresh, file)
            except FileExistsError:
                pass
            finally:
                fresh.unlink()
        key = load_pem_private_key(file.read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return cls(key)

    def token(self, name: str) -> str:
        """A token that speaks for one person, valid for 12 hours."""
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": subject(name),
            "email": f"{name}@example.com",
            "email_verified": True,
            "iat": now,
            "exp": now + LIFE_S,
            "jti": uuid.uuid4().hex,
        }
        return jwt.encode(claims, self._key, algorithm=ALGORITHM)

    def authorize(self, authorization: str) -> str:
        """From an Authorization header to the claims' JSON text; `Unauthorized` for a token that does not hold."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthorized
        try:
            claims = jwt.decode(
                token,
                self._key.public_key(),
                algorithms=[ALGORITHM],
                issuer=ISSUER,
                audience=AUDIENCE,
                options={"require": ["exp", "iat", "sub", "aud", "iss"]},
            )
        except jwt.InvalidTokenError:
            # `from None`: the token must not reach a log.
            raise Unauthorized("The access token is not valid.", code="invalid_token") from None
        return json.dumps({name: claims.get(name) for name in ("iss", "sub", "exp", "email", "email_verified", "jti")})


def subject(name: str) -> str:
    """The issuer's name for a person: as with most issuers, no UUID."""
    return f"local|{name}"
