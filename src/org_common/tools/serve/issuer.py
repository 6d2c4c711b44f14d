"""Issuers of one's own, for tests and the local server: real ES256 signatures, verified as in front of an API."""

from __future__ import annotations

import hashlib
import json
import os
import time
import uuid
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.algorithms import ECAlgorithm

from org_common.auth.authorizer import Authorizer
from org_common.auth.jwks import Jwks
from org_common.auth.tokens import Verifier
from org_common.config.issuers import Issuer
from org_common.tools.project.project import ToolError

ISSUER = "https://issuer.local"
AUDIENCE = "org-common-dev"
EMAIL_DOMAIN = "example.com"
LIFETIME_S = 12 * 3600
ALGORITHM = "ES256"


class TokenIssuer:
    """Signs tokens as `url`. `settings` are what a verifier must know of it.

    issuer = TokenIssuer("https://issuer.test")
    app = App("orders", identity=Bearer(verifier=issuer.verifier()), events=(ALB,))
    """

    def __init__(
        self,
        url: str,
        *,
        key: ec.EllipticCurvePrivateKey | None = None,
        audience: str = "test",
        email_domains: Sequence[str] = (),
        tenant_claim: str | None = None,
    ) -> None:
        """`key` is by default one that all issuers of this process share: a test has no time to make its own."""
        self._key = key or _shared_key()
        self.settings = Issuer(
            url,
            audience=audience,
            algorithms=[ALGORITHM],
            email_domains=email_domains,
            tenant_claim=tenant_claim,
        )
        self._jwk = ECAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        self._kid = hashlib.sha256(json.dumps(self._jwk, sort_keys=True).encode()).hexdigest()[:16]

    def token(self, subject: str, *, expires_in_s: float = 3600, **claims: object) -> str:
        """A signed token; `claims` are further ones, or others than it would have."""
        now = int(time.time())
        made: dict[str, object] = {
            "iss": self.settings.url,
            "aud": self.settings.audience[0],
            "sub": subject,
            "iat": now,
            "exp": now + expires_in_s,
            "jti": uuid.uuid4().hex,
            **claims,
        }
        return jwt.encode(made, self._key, algorithm=ALGORITHM, headers={"kid": self._kid})

    def jwks(self) -> bytes:
        """The document of its keys, as it would be published."""
        return json.dumps({"keys": [{**self._jwk, "kid": self._kid, "use": "sig", "alg": ALGORITHM}]}).encode()

    def verifier(self) -> Verifier:
        """Takes the tokens of this issuer. It reads the published document, without a network."""
        return Verifier([self.settings], keys=lambda issuer: Jwks(issuer, fetch=self.jwks))

    def authorizer(self) -> Authorizer:
        """What would run in front of an API whose only issuer this is."""
        return Authorizer(self.verifier())


class LocalIssuer:
    """Signs tokens for people, with a key that stays.

    The authorizer gets its keys from this process instead of over HTTP: one server, one port, and nothing that a server
    must ask itself before it can answer.
    """

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._issuer = TokenIssuer(ISSUER, key=key, audience=AUDIENCE, email_domains=[EMAIL_DOMAIN])
        self.authorizer = self._issuer.authorizer()

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
        try:
            key = load_pem_private_key(file.read_bytes(), None)
        except (ValueError, TypeError):
            key = None
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ToolError(f"{file} is no key of an issuer: delete it, and a new one is made")
        return cls(key)

    def token(self, name: str) -> str:
        """A token that speaks for one person, valid for 12 hours."""
        email = f"{name}@{EMAIL_DOMAIN}"
        return self._issuer.token(subject(name), email=email, email_verified=True, expires_in_s=LIFETIME_S)

    def authorize(self, authorization: str) -> str:
        """From an Authorization header to the claims' JSON text; `TokenRefused` for a token that does not hold."""
        return self.authorizer.authorize(authorization)


def subject(name: str) -> str:
    """The issuer's name for a person: as with most issuers, no UUID."""
    return f"local|{name}"


@cache
def _shared_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())
