"""Makes the tokens of the corpus: good ones, and what anybody might send instead. Real keys, one fixed moment."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import get_default_algorithms

from org_common.auth.jwks import Jwks, SharedSecret
from org_common.auth.tokens import KeySource, Verifier
from org_common.config.issuers import Issuer

NOW = 1_800_000_000
SECRET = "an-old-secret-of-forty-characters-length"
API = "https://api.test"


class _LeftOut:
    def __repr__(self) -> str:
        return "LEFT_OUT"


LEFT_OUT = _LeftOut()

ISSUERS = {
    "main": Issuer("https://issuer.test", audience=API, algorithms=["ES256"], email_domains=["acme.test", "b.test"]),
    # Another one of the same kind: its key has a `kid` that the first has too.
    "other": Issuer("https://other.test", audience=API, algorithms=["ES256"], email_domains=["other.test"]),
    "rsa": Issuer("https://rsa.test", audience=[API, "second"], algorithms=["RS256", "PS256"]),
    "p384": Issuer("https://p384.test", audience=API, algorithms=["ES384"]),
    "ed": Issuer("https://ed.test", audience=API, algorithms=["EdDSA"]),
    "cognito": Issuer(
        "https://cognito.test/pool", audience="client-1", algorithms=["RS256"], audience_claim="client_id"
    ),
    "legacy": Issuer(
        "https://ref.supabase.test/auth/v1",
        audience="authenticated",
        algorithms=["HS256"],
        hs256_secret=SECRET,
        email_domains=["acme.test"],
    ),
    "strict": Issuer(
        "https://strict.test",
        audience=API,
        algorithms=["ES256"],
        types=["at+jwt"],
        token_use="access",
        required={"scope": "orders:read", "tier": "gold"},
        tenant_claim="org",
    ),
}
# By issuer: the kid that its good tokens name, and what they have besides the common claims and header.
GOOD_KEY = {"main": "es-1", "other": "shared", "rsa": "rs-1", "p384": "es-384", "ed": "ed-1", "strict": "es-1"}
GOOD_KEY |= {"cognito": "q9tFjW0k3sS+/Zk1x2y3z4A5b6C7d8E9f0G1h2I3j4k=", "legacy": "legacy"}
# Published under another name than the key's.
SIGNING = {"other": "other-shared"}
EXTRA: dict[str, dict[str, Any]] = {
    "strict": {"token_use": "access", "scope": "profile orders:read", "tier": "gold", "org": "acme"},
    "cognito": {"client_id": "client-1", "aud": LEFT_OUT, "token_use": "access"},
    "legacy": {"aud": "authenticated"},
}
TYP = {"strict": "at+jwt"}
ALG = {"rsa": "RS256", "p384": "ES384", "ed": "EdDSA", "cognito": "RS256", "legacy": "HS256"}


class Case(NamedTuple):
    """One row of the corpus. `expected` is "ok" or the reason of the refusal; `gives` are claims of the result.

    `header` and `claims` change the good ones of `issuer`; `raw_header` and `raw_payload` are sent as they are, and
    signed like that; `key` and `alg` are what it is really signed with; `change` is one of CHANGES, done at the end.
    """

    name: str
    row: str
    expected: str
    issuer: str = "main"
    header: Mapping[str, object] = {}
    claims: Mapping[str, object] = {}
    raw_header: str | None = None
    raw_payload: str | None = None
    key: str | None = None
    alg: str | None = None
    change: str | None = None
    gives: Mapping[str, object] = {}


@cache
def key(name: str) -> Any:
    """Private keys, by the `kid` that they are published under; those of EC and Ed25519 are the same in each run."""
    seed = int.from_bytes(name.encode(), "big") % 2**200 + 1
    if name.startswith("es-384"):
        return ec.derive_private_key(seed, ec.SECP384R1())
    if name.startswith("ed-"):
        return ed25519.Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b"."))
    if name.startswith(("rs-", "ps-")) or name == GOOD_KEY["cognito"]:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ec.derive_private_key(seed, ec.SECP256R1())


def jwk(name: str, algorithm: str, *, kid: str | None = None, **members: object) -> dict[str, Any]:
    """The public half as an issuer publishes it."""
    public: Any = get_default_algorithms()[algorithm]
    return {**json.loads(public.to_jwk(key(name).public_key())), "kid": kid or name, **members}


def jwks(issuer: str) -> list[dict[str, Any]]:
    if issuer == "rsa":
        return [
            jwk("rs-1", "RS256"),
            jwk("rs-2", "RS256", alg="RS256"),
            jwk("ps-1", "PS256", alg="PS256", use="sig"),
        ]
    if issuer == "other":
        return [jwk("other-shared", "ES256", kid="shared")]
    if issuer == "main":
        return [
            jwk("es-1", "ES256", alg="ES256", use="sig"),
            jwk("es-2", "ES256"),
            jwk("main-shared", "ES256", kid="shared"),
        ]
    return [jwk(GOOD_KEY[issuer], ALG.get(issuer, "ES256"))]


def source(issuer: Issuer) -> KeySource:
    if issuer.hs256_secret is not None:
        return SharedSecret(issuer.hs256_secret)
    name = next(name for name, each in ISSUERS.items() if each is issuer)
    return Jwks(issuer, fetch=lambda: json.dumps({"keys": jwks(name)}).encode())


@cache
def verifier() -> Verifier:
    return Verifier(list(ISSUERS.values()), keys=source, clock=lambda: NOW)


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def good_claims(issuer: str) -> dict[str, object]:
    common = {"iss": ISSUERS[issuer].url, "sub": "auth0|alice", "aud": API, "iat": NOW - 60, "exp": NOW + 3600}
    return {**common, "email": "alice@acme.test", "email_verified": True, "jti": "t-1", **EXTRA.get(issuer, {})}


def token(case: Case) -> str:
    alg = case.alg or ALG.get(case.issuer, "ES256")
    header = {"alg": alg, "typ": TYP.get(case.issuer, "JWT"), "kid": GOOD_KEY[case.issuer], **case.header}
    claims = {**good_claims(case.issuer), **case.claims}
    head = _text(header) if case.raw_header is None else case.raw_header
    payload = _text(claims) if case.raw_payload is None else case.raw_payload
    made = signed(
        head.encode(),
        payload.encode("utf-8", "surrogatepass"),
        case.key or SIGNING.get(case.issuer, GOOD_KEY[case.issuer]),
        alg,
    )
    return CHANGES[case.change](made) if case.change else made


def signed(header: bytes, payload: bytes, name: str, alg: str) -> str:
    text = f"{b64(header)}.{b64(payload)}"
    return f"{text}.{b64(signature(text.encode(), name, alg))}"


def signature(text: bytes, name: str, alg: str) -> bytes:
    """As `alg` with a private key of that name, or with whatever it names as the secret of an HMAC."""
    if alg.startswith("HS"):
        return hmac.digest(secret(name), text, f"sha{alg[2:]}")
    algorithm: Any = get_default_algorithms()[alg]
    made: bytes = algorithm.sign(text, key(name))
    return made


def secret(name: str) -> bytes:
    """What somebody might hope is the secret: the public key in each form that everybody can have."""
    kind, _, of = name.partition(" of ")
    if kind == "legacy":
        return SECRET.encode()
    if kind in ("pem", "der"):
        encoding = Encoding.PEM if kind == "pem" else Encoding.DER
        made: bytes = key(of).public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)
        return made
    if kind == "jwk":
        return json.dumps(jwk(of, "ES256" if of.startswith("es") else "RS256")).encode()
    return name.encode()


def _text(members: Mapping[str, object]) -> str:
    return json.dumps({name: value for name, value in members.items() if value is not LEFT_OUT})


def _parts(change: Callable[[list[str]], list[str]]) -> Callable[[str], str]:
    return lambda token: ".".join(change(token.split(".")))


def _at(index: int, change: Callable[[str], str]) -> Callable[[str], str]:
    return _parts(lambda parts: [change(part) if at == index else part for at, part in enumerate(parts)])


def _flipped(part: str) -> str:
    data = bytearray(decode(part))
    data[len(data) // 2] ^= 1
    return b64(bytes(data))


def _trailing_bits(part: str) -> str:
    """Another last character for the same bytes, where the length leaves bits over."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return part[:-1] + alphabet[alphabet.index(part[-1]) ^ 1] if len(part) % 4 else part + "A"


def _der(part: str) -> str:
    """As OpenSSL writes an ECDSA signature."""
    raw = decode(part)
    half = len(raw) // 2
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    return b64(encode_dss_signature(int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big")))


P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def _psychic(r: int, s: int) -> Callable[[str], str]:
    return _at(2, lambda _: b64(r.to_bytes(32, "big") + s.to_bytes(32, "big")))


def _other_half(part: str) -> str:
    """(r, n - s) is as good a signature as (r, s): ECDSA is like that."""
    raw = decode(part)
    s = P256_ORDER - int.from_bytes(raw[32:], "big")
    return b64(raw[:32] + s.to_bytes(32, "big"))


CHANGES: dict[str, Callable[[str], str]] = {
    "header bit": _at(0, _flipped),
    "payload bit": _at(1, _flipped),
    "signature bit": _at(2, _flipped),
    "no signature": _at(2, lambda _: ""),
    "garbage signature": _at(2, lambda _: "AAAA"),
    "long signature": _at(2, lambda part: b64(decode(part) + b"\0")),
    "short signature": _at(2, lambda part: b64(decode(part)[:-1])),
    "doubled signature": _at(2, lambda part: b64(decode(part) * 2)),
    "DER signature": _at(2, _der),
    "reversed signature": _at(2, lambda part: b64(decode(part)[::-1])),
    "halves swapped": _at(2, lambda part: b64(decode(part)[32:] + decode(part)[:32])),
    "other half": _at(2, _other_half),
    **{
        f"psychic {r} {s}": _psychic(*(P256_ORDER if x == "n" else int(x) for x in (r, s)))
        for r in "01n"
        for s in "01n"
    },
    **{f"padding {at} {n}": _at(at, lambda part, n=n: part + "=" * n) for at in range(3) for n in (1, 2, 3)},  # type: ignore[misc]
    **{f"trailing bits {at}": _at(at, _trailing_bits) for at in range(3)},
    **{f"empty part {at}": _at(at, lambda _: "") for at in range(3)},
    "no third part": _parts(lambda parts: parts[:2]),
    "one part": _parts(lambda parts: parts[:1]),
    "no part": lambda _: "",
    "dots": lambda _: "..",
    "many dots": lambda _: "." * 8000,
    "fourth part": lambda token: f"{token}.AAAA",
    "fourth empty part": lambda token: f"{token}.",
    "first empty part": lambda token: f".{token}",
    "JWE": _parts(lambda parts: [parts[0], "", *parts[1:], "AAAA"]),
    "two tokens": lambda token: f"{token}.{token}",
    "parts exchanged": _parts(lambda parts: [parts[1], parts[0], parts[2]]),
    "leading space": lambda token: f" {token}",
    "trailing space": lambda token: f"{token} ",
    "newline": lambda token: f"{token}\n",
    "carriage return": lambda token: f"{token}\r\n",
    "tab": lambda token: f"{token}\t",
    "NUL": lambda token: f"{token}\0",
    "newline within": _at(1, lambda part: part[:10] + "\n" + part[10:]),
    "space within": _at(1, lambda part: part[:10] + " " + part[10:]),
    "homoglyph": _at(1, lambda part: "\u0430" + part[1:]),
    "full width": _at(1, lambda part: "\uff21" + part[1:]),
    "umlaut": _at(2, lambda part: part + "\xfc"),
    "BOM": lambda token: f"\ufeff{token}",
    "surrogate": lambda token: f"{token}\ud800",
    "quotes": lambda token: f'"{token}"',
    "base64 alphabet": _at(1, lambda part: part[:-2] + "+/"),
    "percent": lambda token: token.replace(".", "%2E"),
    "upper case": lambda token: token.upper(),
    "full stop": lambda token: token.replace(".", "\u3002"),
    "megabytes": lambda token: token + "A" * 5_000_000,
    "too long": lambda token: token.ljust(8193, "A"),
}
