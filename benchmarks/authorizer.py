"""The authorizer: its import compared with `import jwt`, and verifying a token compared with plain `jwt.decode`."""

import json
import os
import sys
import time
from typing import Any

import harness
import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import get_default_algorithms

from org_common import Issuer
from org_common.auth.jwks import Jwks
from org_common.auth.tokens import Verifier

ISSUERS = '[{"url": "https://issuer.test", "audience": "https://api.test", "algorithms": ["RS256"]}]'
IMPORTS = {
    "import cora_modules.access.authorizer": "import cora_modules.access.authorizer",
    "import jwt, with cryptography": "import jwt; from cryptography.hazmat.primitives.asymmetric import ec",
}
ITERATIONS = 200


def child(algorithm: str) -> None:
    signer: Any = get_default_algorithms()[algorithm]
    private: Any = (
        ec.generate_private_key(ec.SECP256R1())
        if algorithm == "ES256"
        else rsa.generate_private_key(public_exponent=65537, key_size=2048)
    )
    document = {**json.loads(signer.to_jwk(private.public_key())), "kid": "k-1", "alg": algorithm}
    issuer = Issuer("https://issuer.test", audience="https://api.test", algorithms=[algorithm])
    verifier = Verifier(
        [issuer], keys=lambda issuer: Jwks(issuer, fetch=lambda: json.dumps({"keys": [document]}).encode())
    )
    now = int(time.time())
    claims = {"iss": issuer.url, "aud": issuer.audience[0], "sub": "auth0|0198a000", "iat": now, "exp": now + 3600}
    claims |= {"email": "alice@example.com", "email_verified": True, "jti": "0" * 32, "scope": "openid profile email"}
    token = jwt.encode(claims, private, algorithm=algorithm, headers={"kid": "k-1"})
    key = jwt.PyJWK(document)

    def ours() -> object:
        return verifier.authorize(f"Bearer {token}").text()

    def bare() -> object:
        return jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            issuer=issuer.url,
            audience=issuer.audience[0],
            options={"require": ["exp", "iat", "sub", "aud", "iss"]},
        )

    assert json.loads(str(ours()))["sub"] == claims["sub"] == bare()["sub"]  # type: ignore[index]
    print(json.dumps(harness.blocks({"ours": ours, "jwt.decode": bare}, iterations=ITERATIONS)))


def main() -> None:
    os.environ["ORG_COMMON_ISSUERS"] = ISSUERS
    ours, other = IMPORTS
    harness.report(
        "Importing the authorizer", harness.imports(IMPORTS), [harness.Ratio("import / import jwt", ours, other, 1.25)]
    )
    for algorithm in ("ES256", "RS256"):
        harness.report(
            f"Verifying a token with a cached key, {algorithm}",
            harness.in_fresh_processes(__file__, [algorithm]),
            [harness.Ratio("header to context / jwt.decode", "ours", "jwt.decode", 1.3)],
        )


if __name__ == "__main__":
    child(sys.argv[2]) if "child" in sys.argv else main()
