"""Token issuers for tests and the local server, with real ES256 signatures that the real authorizer verifies."""

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
# In the data folder.
KEY_FILE = "issuer.pem"


class TokenIssuer:
    """Signs tokens as the issuer `url`. `settings` is the issuer's configuration for a verifier.

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
        """`key` defaults to one that all issuers of this process share, because generating a key takes time.

        `audience`, `email_domains` and `tenant_claim` are those of `Issuer`.
        """
        self._key = key or _shared_key()
        self.settings: Issuer = Issuer(
            url,
            audience=audience,
            algorithms=[ALGORITHM],
            email_domains=email_domains,
            tenant_claim=tenant_claim,
        )
        self._jwk = ECAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        self._kid = hashlib.sha256(json.dumps(self._jwk, sort_keys=True).encode()).hexdigest()[:16]

    def token(self, subject: str, *, expires_in_s: float = 3600, **claims: object) -> str:
        """A signed token for `subject`. `claims` add to or replace the default claims."""
        now = int(time.time())
        payload: dict[str, object] = {
            "iss": self.settings.url,
            "aud": self.settings.audience[0],
            "sub": subject,
            "iat": now,
            "exp": now + expires_in_s,
            "jti": uuid.uuid4().hex,
            **claims,
        }
        return jwt.encode(payload, self._key, algorithm=ALGORITHM, headers={"kid": self._kid})

    def jwks(self) -> bytes:
        """The issuer's JSON Web Key Set, as it would be published."""
        return json.dumps({"keys": [{**self._jwk, "kid": self._kid, "use": "sig", "alg": ALGORITHM}]}).encode()

    def verifier(self) -> Verifier:
        """A verifier for the tokens of this issuer. It gets the key set from memory, without a network."""
        return Verifier([self.settings], keys=lambda issuer: Jwks(issuer, fetch=self.jwks))

    def authorizer(self) -> Authorizer:
        """The authorizer of an API that accepts this issuer only."""
        return Authorizer(self.verifier())


class LocalIssuer:
    """Signs tokens for demo users, with a key that is stored in the data folder.

    The authorizer gets its keys from this process instead of over HTTP: there is one server on one port, and it never
    waits for a request to itself.
    """

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._issuer = TokenIssuer(ISSUER, key=key, audience=AUDIENCE, email_domains=[EMAIL_DOMAIN])
        self.authorizer: Authorizer = self._issuer.authorizer()

    @classmethod
    def load(cls, data: Path) -> LocalIssuer:
        """The issuer of a data folder. Generates its key if there is none; `ToolError` if the file is not a key."""
        file = data / KEY_FILE
        if not file.exists():
            data.mkdir(parents=True, exist_ok=True)
            pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
                Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
            )
            fresh = file.with_suffix(f".{os.getpid()}")
            fresh.touch(0o600, exist_ok=False)
            fresh.write_bytes(pem)
            try:
                # If two processes start at once, the first key wins.
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
            raise ToolError(f"{file} is not a valid issuer key: delete the file, and a new key is generated")
        return cls(key)

    def token(self, name: str) -> str:
        """A token for one user, valid for 12 hours."""
        email = f"{name}@{EMAIL_DOMAIN}"
        return self._issuer.token(subject(name), email=email, email_verified=True, expires_in_s=LIFETIME_S)

    def authorize(self, authorization: str) -> str:
        """Verify an Authorization header and return the claims as JSON; `TokenRefused` for an invalid token."""
        return self.authorizer.authorize(authorization)


def subject(name: str) -> str:
    """The subject claim for a user name: like those of most issuers, not a UUID."""
    return f"local|{name}"


@cache
def _shared_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())
