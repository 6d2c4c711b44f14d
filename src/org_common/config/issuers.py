"""The issuers of accepted tokens. Each is validated when it is constructed."""

from __future__ import annotations

import re

from org_common.values.frozen import Frozen
from org_common.values.strict_json import parse

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

# A value of the variable ORG_COMMON_ISSUERS.
EXAMPLE = (
    '[{"url": "https://issuer.example.com", "audience": "https://api.example.com", "algorithms": ["RS256"],'
    ' "email_domains": ["example.com"]}]'
)
# RFC 9864: the fully specified name of EdDSA on the only curve that is accepted. Issuers use either name.
_ED25519 = ("EdDSA", "Ed25519")
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", *_ED25519)
AUDIENCE_CLAIMS = ("aud", "client_id", "azp", "cid")
# RFC 7518, section 3.2: a key at least as long as the hash.
SECRET_BYTES = 32
# A token that lives longer is a password; a year at most, so that milliseconds are an error.
LIFETIME_S = 24 * 3600
MAX_LIFETIME_S = 366 * 24 * 3600
MAX_SETTINGS_BYTES = 64 * 1024

_REST = r"(?::[0-9]{1,5})?(?:[/?][!\"$-\[\]-~]*)?"  # no fragment, no backslash
_URL = re.compile(r"https://[A-Za-z0-9.-]+" + _REST, re.ASCII)
_LOOPBACK = re.compile(r"http://(?:127\.0\.0\.1|localhost|\[::1\])" + _REST, re.ASCII)
_DOMAIN = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")


class Issuer(Frozen):
    """A token issuer, and what its tokens must contain to be accepted. Immutable; the `repr` masks the secret.

    Issuer("https://acme.eu.auth0.com/", audience="https://api.acme.example", algorithms=["RS256"])
    """

    __slots__ = (
        "algorithms",
        "audience",
        "audience_claim",
        "email_domains",
        "hs256_secret",
        "jwks_url",
        "loopback_http",
        "max_lifetime_s",
        "required",
        "tenant_claim",
        "token_use",
        "types",
        "url",
    )

    url: str
    """The claim `iss`, compared exactly."""
    audience: tuple[str, ...]
    """The accepted audiences; a token needs one of them."""
    algorithms: tuple[str, ...]
    """The accepted signature algorithms, all asymmetric. The issuer's settings choose them, never the token."""
    jwks_url: str | None
    """Where the public keys are fetched, by default `/.well-known/jwks.json` below `url`."""
    email_domains: frozenset[str]
    """Domains for which the issuer's claim `email_verified` is trusted; by default none."""
    audience_claim: str
    """The claim with the audience: `aud`, or, where the issuer's access tokens have none, `client_id` (Cognito), `azp`
    (Clerk) or `cid`."""
    token_use: str | None
    """The required value of the claim `token_use`. By default a token that has the claim must be an access token."""
    required: Mapping[str, str]
    """Claims that must have exactly these values; for `scope` and `scp`: contain this word."""
    types: tuple[str, ...]
    """Accepted values of the header `typ`, by default `JWT`, `at+jwt` or none."""
    tenant_claim: str | None
    """The claim with the tenant of the token, for functions in Lambda's tenant isolation mode."""
    hs256_secret: str | None
    """A shared secret of at least 32 bytes, for legacy keys as of Supabase: anyone who can verify can also sign.

    It requires `algorithms=["HS256"]` and excludes `jwks_url`."""
    loopback_http: bool
    """Allows plain HTTP for a `jwks_url` on this machine, for development."""
    max_lifetime_s: int
    """The longest accepted lifetime of a token, `exp` minus `iat` in seconds: by default a day, at most 366 days."""

    def __init__(
        self,
        url: str,
        *,
        audience: str | Sequence[str],
        algorithms: Sequence[str],
        jwks_url: str | None = None,
        email_domains: Iterable[str] = (),
        audience_claim: str = "aud",
        token_use: str | None = None,
        required: Mapping[str, str] | None = None,
        types: Sequence[str] = (),
        tenant_claim: str | None = None,
        hs256_secret: str | None = None,
        loopback_http: bool = False,
        max_lifetime_s: int = LIFETIME_S,
    ) -> None:
        """Raises `ValueError`, which lists every fault, one a line."""
        default_url = f"{url.rstrip('/')}/.well-known/jwks.json" if hs256_secret is None else None
        self._fill(
            url=url,
            audience=(audience,) if isinstance(audience, str) else tuple(audience),
            algorithms=tuple(algorithms),
            jwks_url=default_url if jwks_url is None else jwks_url,
            email_domains=frozenset(email_domains),
            audience_claim=audience_claim,
            token_use=token_use,
            required=dict(required or {}),
            types=tuple(name.lower() for name in types),
            tenant_claim=tenant_claim,
            hs256_secret=hs256_secret,
            loopback_http=loopback_http,
            max_lifetime_s=max_lifetime_s,
        )
        faults = list(self._faults())
        if faults:
            raise ValueError("\n".join(faults))

    def _faults(self) -> Iterator[str]:
        if not _is_word(self.url):
            yield "url is not a printable string without spaces"
        if not self.audience or not all(map(_is_word, self.audience)):
            yield "audience is not a string or several strings. Example: https://api.example.com"
        if self.audience_claim not in AUDIENCE_CLAIMS:
            yield f"audience_claim is not one of {', '.join(AUDIENCE_CLAIMS)}"
        if self.hs256_secret is None:
            yield from self._faults_of_keys()
        else:
            yield from self._faults_of_secret()
        for domain in sorted(self.email_domains):
            if not _DOMAIN.fullmatch(domain):
                yield f"email_domains has {domain!r}, which is not a domain in lower case (or punycode)"
        for name, value in self.required.items():
            if not _is_word(name) or not isinstance(value, str) or not value:
                yield "required does not map names of claims to strings"
        if type(self.max_lifetime_s) is not int or not 0 < self.max_lifetime_s <= MAX_LIFETIME_S:
            yield f"max_lifetime_s is not a whole number of seconds from 1 to {MAX_LIFETIME_S}. Example: {7 * 86_400}"

    def _faults_of_keys(self) -> Iterator[str]:
        wrong = [name for name in self.algorithms if name not in ALGORITHMS]
        if wrong or not self.algorithms:
            yield (
                f"algorithms has {', '.join(map(repr, wrong)) or 'no entry'}. Allowed are {', '.join(ALGORITHMS)};"
                ' ["HS256"] requires hs256_secret'
            )
        assert self.jwks_url is not None
        plain = self.loopback_http and _LOOPBACK.fullmatch(self.jwks_url)
        if not plain and not _URL.fullmatch(self.jwks_url):
            yield "jwks_url is not an https URL. Example: https://issuer.example.com/.well-known/jwks.json"

    def _faults_of_secret(self) -> Iterator[str]:
        if self.algorithms != ("HS256",):
            yield 'hs256_secret requires algorithms=["HS256"]: the other algorithms use public keys'
        if self.jwks_url is not None:
            yield "hs256_secret excludes jwks_url: there are no keys to fetch"
        if not isinstance(self.hs256_secret, str) or len(self.hs256_secret.encode()) < SECRET_BYTES:
            yield f"hs256_secret has fewer than {SECRET_BYTES} bytes"

    def __repr__(self) -> str:
        secret = "" if self.hs256_secret is None else ", hs256_secret=***"
        return f"Issuer({self.url!r}, audience={self.audience!r}, algorithms={self.algorithms!r}{secret})"

    def __reduce__(self) -> str:
        raise TypeError("an Issuer may hold a secret and cannot be pickled: construct it again from its settings")


def with_synonyms(algorithms: Iterable[str]) -> tuple[str, ...]:
    """The algorithms, and the other name of each that has two: EdDSA and Ed25519 (RFC 9864)."""
    names = dict.fromkeys(algorithms)
    return (*names, *(name for name in _ED25519 if name not in names and not names.keys().isdisjoint(_ED25519)))


def _is_string(value: object) -> bool:
    return isinstance(value, str)


def _is_strings(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_string, value))


def _is_string_or_strings(value: object) -> bool:
    return _is_string(value) or _is_strings(value)


def _is_object_of_strings(value: object) -> bool:
    return isinstance(value, dict) and all(map(_is_string, value.values()))


def _is_bool(value: object) -> bool:
    return isinstance(value, bool)


def _is_int(value: object) -> bool:
    return type(value) is int


# The type of each key of an issuer in the settings: a check, and its description for messages.
_STRING = (_is_string, "a string")
_STRINGS = (_is_strings, "a list of strings")
_TYPES = {
    "url": _STRING,
    "audience": (_is_string_or_strings, "a string or a list of strings"),
    "algorithms": _STRINGS,
    "jwks_url": _STRING,
    "email_domains": _STRINGS,
    "audience_claim": _STRING,
    "token_use": _STRING,
    "required": (_is_object_of_strings, "an object of strings"),
    "types": _STRINGS,
    "tenant_claim": _STRING,
    "hs256_secret": _STRING,
    "loopback_http": (_is_bool, "true or false"),
    "max_lifetime_s": (_is_int, "a whole number"),
}


def parse_issuers(text: str) -> tuple[Issuer, ...]:
    """Parse a JSON list of objects whose keys are the arguments of `Issuer`.

    Several may have one `url`: a token is accepted if one of them accepts it. Raises `ValueError`, which lists every
    fault of every issuer, one a line, without values that may be secret.
    """
    try:
        listed = parse(text.encode(), max_bytes=MAX_SETTINGS_BYTES, max_containers=MAX_SETTINGS_BYTES)
    except ValueError:
        raise ValueError("is not valid JSON") from None
    if not isinstance(listed, list) or not listed:
        raise ValueError("is not a list of issuers")
    issuers: list[Issuer] = []
    faults: list[str] = []
    for index, fields in enumerate(listed):
        try:
            issuers.append(_issuer(fields))
        except ValueError as error:
            faults += [f"[{index}]: {line}" for line in str(error).splitlines()]
    if not faults:
        faults += _repeated(issuers)
    if faults:
        raise ValueError("\n".join(faults))
    return tuple(issuers)


def _repeated(issuers: Sequence[Issuer]) -> Iterator[str]:
    """Two issuers with one `url` are alternatives, such as two keys during a migration. Twice the same is a mistake."""
    seen: list[list[object]] = []
    for index, issuer in enumerate(issuers):
        fields = [getattr(issuer, name) for name in Issuer.__slots__]
        if fields in seen:
            yield f"[{index}]: url {issuer.url!r} is listed twice with the same settings"
        seen.append(fields)


def _issuer(fields: Any) -> Issuer:
    if not isinstance(fields, dict):
        raise ValueError("is not an object")  # noqa: TRY004 - a fault of the settings
    from difflib import get_close_matches

    faults = [f"{name} is missing" for name in ("url", "audience", "algorithms") if name not in fields]
    for name, value in fields.items():
        if name not in _TYPES:
            meant = get_close_matches(name, _TYPES, 1)
            faults.append(f"unknown key {name!r}: " + (f"did you mean {meant[0]}?" if meant else ", ".join(_TYPES)))
            continue
        has_type, description = _TYPES[name]
        if not has_type(value):
            faults.append(f"{name} is not {description}")
    if faults:
        raise ValueError("\n".join(faults))
    return Issuer(**fields)


def _is_word(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 512 and value.isprintable() and " " not in value
