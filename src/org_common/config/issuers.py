"""Who issues the tokens that are taken: one value for each issuer, checked when it is made."""

from __future__ import annotations

import re

from org_common.values.frozen import Frozen
from org_common.values.strict_json import parse_object

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

# Of the variable ORG_COMMON_ISSUERS.
EXAMPLE = (
    '[{"url": "https://issuer.example.com", "audience": "https://api.example.com", "algorithms": ["RS256"],'
    ' "email_domains": ["example.com"]}]'
)
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
AUDIENCE_CLAIMS = ("aud", "client_id", "azp", "cid")
# RFC 7518, section 3.2: a key at least as long as the hash.
SECRET_BYTES = 32
MAX_SETTINGS_BYTES = 64 * 1024

_REST = r"(?::[0-9]{1,5})?(?:[/?][!\"$-\[\]-~]*)?"  # no fragment, no backslash
_URL = re.compile(r"https://[A-Za-z0-9.-]+" + _REST, re.ASCII)
_LOOPBACK = re.compile(r"http://(?:127\.0\.0\.1|localhost|\[::1\])" + _REST, re.ASCII)
_DOMAIN = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")


class Issuer(Frozen):
    """One issuer, and what its tokens must say to be taken. Frozen; its `repr` tells no secret.

    Issuer("https://acme.eu.auth0.com/", audience="https://api.acme.example", algorithms=["RS256"])

    `url` is the claim `iss`, to the letter. `audience` is one, or several of which a token needs one; it is looked for
    in `audience_claim`: `aud`, or where the issuer's access tokens have none, `client_id` (Cognito), `azp` (Clerk),
    `cid`. `algorithms` are asymmetric, and the issuer's choice, never the token's. The keys are fetched from
    `jwks_url`, by default `/.well-known/jwks.json` below `url`.

    `email_domains` are those for whose mailboxes the issuer's word counts (default: none): only there is the claim
    `email_verified` believed. `token_use` and `required` are claims that must be there with just these values (in
    `scope` and `scp`: among the words); without `token_use` a token that has the claim must be an access token.
    `types` are the header's `typ`, by default `JWT`, `at+jwt` or none. `tenant_claim` names the claim that says for
    which tenant a token is, for functions in Lambda's tenant isolation mode.

    `hs256_secret` is for the legacy keys of Supabase and their like: whoever verifies can also sign. It has 32 bytes at
    least, and stands alone, with `algorithms=["HS256"]` and without keys to fetch. `loopback_http` lets `jwks_url` be
    plain HTTP on this machine, for development.
    """

    __slots__ = (
        "algorithms",
        "audience",
        "audience_claim",
        "email_domains",
        "hs256_secret",
        "jwks_url",
        "loopback_http",
        "required",
        "tenant_claim",
        "token_use",
        "types",
        "url",
    )

    url: str
    audience: tuple[str, ...]
    algorithms: tuple[str, ...]
    jwks_url: str | None
    email_domains: frozenset[str]
    audience_claim: str
    token_use: str | None
    required: Mapping[str, str]
    types: tuple[str, ...]
    tenant_claim: str | None
    hs256_secret: str | None
    loopback_http: bool

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
    ) -> None:
        """`ValueError` lists every fault, one a line."""
        derived = f"{url.rstrip('/')}/.well-known/jwks.json" if hs256_secret is None else None
        self._fill(
            url=url,
            audience=(audience,) if isinstance(audience, str) else tuple(audience),
            algorithms=tuple(algorithms),
            jwks_url=derived if jwks_url is None else jwks_url,
            email_domains=frozenset(email_domains),
            audience_claim=audience_claim,
            token_use=token_use,
            required=dict(required or {}),
            types=tuple(each.lower() for each in types),
            tenant_claim=tenant_claim,
            hs256_secret=hs256_secret,
            loopback_http=loopback_http,
        )
        faults = list(self._faults())
        if faults:
            raise ValueError("\n".join(faults))

    def _faults(self) -> Iterator[str]:
        if not _is_text(self.url):
            yield "url is not a printable text without spaces"
        if not self.audience or not all(map(_is_text, self.audience)):
            yield "audience is not a text, or several: a token says for whom it is"
        if self.audience_claim not in AUDIENCE_CLAIMS:
            yield f"audience_claim is none of {', '.join(AUDIENCE_CLAIMS)}"
        if self.hs256_secret is None:
            yield from self._faults_of_keys()
        else:
            yield from self._faults_of_secret()
        for domain in sorted(self.email_domains):
            if not _DOMAIN.fullmatch(domain):
                yield f"email_domains has {domain!r}, which is no domain in lower case (punycode where it needs it)"
        for name, value in self.required.items():
            if not _is_text(name) or not isinstance(value, str) or not value:
                yield "required does not map names of claims to texts"

    def _faults_of_keys(self) -> Iterator[str]:
        wrong = [each for each in self.algorithms if each not in ALGORITHMS]
        if wrong or not self.algorithms:
            yield (
                f"algorithms has {', '.join(map(repr, wrong)) or 'nothing'}. They are of {', '.join(ALGORITHMS)};"
                ' ["HS256"] goes with hs256_secret alone'
            )
        assert self.jwks_url is not None
        plain = self.loopback_http and _LOOPBACK.fullmatch(self.jwks_url)
        if not plain and not _URL.fullmatch(self.jwks_url):
            yield "jwks_url is not an https URL. Example: https://issuer.example.com/.well-known/jwks.json"

    def _faults_of_secret(self) -> Iterator[str]:
        if self.algorithms != ("HS256",):
            yield 'hs256_secret goes with algorithms=["HS256"] and no other: a secret is no public key'
        if self.jwks_url is not None:
            yield "hs256_secret stands alone, without jwks_url"
        if not isinstance(self.hs256_secret, str) or len(self.hs256_secret.encode()) < SECRET_BYTES:
            yield f"hs256_secret has fewer than {SECRET_BYTES} bytes"

    def __repr__(self) -> str:
        secret = "" if self.hs256_secret is None else ", hs256_secret=***"
        return f"Issuer({self.url!r}, audience={self.audience!r}, algorithms={self.algorithms!r}{secret})"

    def __reduce__(self) -> str:
        raise TypeError("an Issuer may hold a secret and is not pickled: make it again from its settings")


# How each member of the settings is to be written, for messages.
_MEMBERS = {
    "url": "a text",
    "audience": "a text or a list of texts",
    "algorithms": "a list of texts",
    "jwks_url": "a text",
    "email_domains": "a list of texts",
    "audience_claim": "a text",
    "token_use": "a text",
    "required": "an object of texts",
    "types": "a list of texts",
    "tenant_claim": "a text",
    "hs256_secret": "a text",
    "loopback_http": "true or false",
}


def parse_issuers(text: str) -> tuple[Issuer, ...]:
    """The issuers of a JSON list of objects, whose members are the arguments of `Issuer`.

    `ValueError` lists every fault of every issuer, one a line, and tells no value that may be secret.
    """
    try:
        # As a member of an object: each thing in it once, and no NaN.
        listed = parse_object(
            b'{"":' + text.encode() + b"}", max_bytes=MAX_SETTINGS_BYTES, max_containers=MAX_SETTINGS_BYTES
        )[""]
    except (ValueError, KeyError):
        raise ValueError("is no JSON") from None
    if not isinstance(listed, list) or not listed:
        raise ValueError("is no list of issuers")
    issuers: list[Issuer] = []
    faults: list[str] = []
    for at, members in enumerate(listed):
        try:
            issuers.append(_issuer(members))
        except ValueError as error:
            faults += [f"[{at}]: {line}" for line in str(error).splitlines()]
    faults += _repeated(issuers)
    if faults:
        raise ValueError("\n".join(faults))
    return tuple(issuers)


def _issuer(members: Any) -> Issuer:
    if not isinstance(members, dict):
        raise ValueError("is no object")  # noqa: TRY004 - it is a value of the settings
    from difflib import get_close_matches

    faults = [f"{name} is missing" for name in ("url", "audience", "algorithms") if name not in members]
    for name, value in members.items():
        if name not in _MEMBERS:
            meant = get_close_matches(name, _MEMBERS, 1)
            faults.append(f"{name!r} is no member: " + (f"did you mean {meant[0]}?" if meant else ", ".join(_MEMBERS)))
        elif not _is_of(value, _MEMBERS[name]):
            faults.append(f"{name} is not {_MEMBERS[name]}")
    if faults:
        raise ValueError("\n".join(faults))
    return Issuer(members.pop("url"), **members)


def _repeated(issuers: Sequence[Issuer]) -> list[str]:
    """One issuer has one set of keys: the claim `iss` picks it."""
    urls = [issuer.url for issuer in issuers]
    return [f"url {url!r} stands there twice" for url in dict.fromkeys(urls) if urls.count(url) > 1]


def _is_of(value: object, kind: str) -> bool:
    texts = isinstance(value, list) and all(isinstance(each, str) for each in value)
    return {
        "a text": isinstance(value, str),
        "a text or a list of texts": isinstance(value, str) or texts,
        "a list of texts": texts,
        "an object of texts": isinstance(value, dict) and all(isinstance(each, str) for each in value.values()),
        "true or false": isinstance(value, bool),
    }[kind]


def _is_text(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 512 and value.isprintable() and " " not in value
