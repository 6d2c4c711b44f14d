"""The key sets and tokens of real issuers, and issuers that share a URL.

The members of keys, headers and claims are those that each issuer publishes; the keys themselves are the tests' own.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from itertools import permutations
from typing import Any, NamedTuple

import pytest

from org_common.auth.fetch import FetchError
from org_common.auth.jwks import Jwks, SharedSecret
from org_common.auth.refusals import KeysUnavailable, TokenRefused
from org_common.auth.tokens import KeySource, Verifier
from org_common.config.issuers import Issuer
from org_common.config.settings import SettingsError
from tests.org_common.auth.forge import NOW, SECRET, jwk, signed

HOUR, DAY = 3600, 86_400
RSA, EC, ED = ("rs-1", "RS256"), ("es-1", "ES256"), ("ed-1", "EdDSA")


class Real(NamedTuple):
    """What an issuer publishes and signs. `key` is the name and type of the signing key."""

    issuer: Issuer
    key: tuple[str, str]
    kid: str
    published: dict[str, Any]
    """Members of the published key, in addition to its numbers."""
    claims: dict[str, Any]
    header: Mapping[str, Any] = {}
    alg: str = ""
    """What tokens are signed with, if it is not the key's usual algorithm."""
    others: Sequence[dict[str, Any]] = ()
    """Other keys of the set."""
    members: Mapping[str, Any] = {}
    """Other members of the set."""


def issuer(url: str, algorithms: Sequence[str] = ("RS256",), audience: str = "api", **settings: Any) -> Issuer:
    return Issuer(url, audience=audience, algorithms=algorithms, **settings)


CHAIN = {"x5c": ["MIIC"], "x5t": "abc", "x5t#S256": "def"}
COGNITO = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abc"
ENTRA = "https://login.microsoftonline.com/72f988bf/v2.0"
ENTRA_KEYS = {"jwks_url": "https://login.microsoftonline.com/72f988bf/discovery/v2.0/keys"}
USERINFO = "https://acme.eu.auth0.com/userinfo"
SUPABASE = "https://ref.supabase.co/auth/v1"
KEYCLOAK = "https://sso.example.com/realms/acme"

REAL: dict[str, Real] = {
    "Auth0": Real(
        issuer("https://acme.eu.auth0.com/"),
        RSA,
        "NjVBRjY5MDlCMUIwNzU4RTA2QzZFMDQ4",
        {"alg": "RS256", "use": "sig", **CHAIN},
        {"aud": ["api", USERINFO], "azp": "client", "scope": "openid", "exp": NOW + DAY - 60},
    ),
    "Auth0, tokens of 30 days": Real(
        issuer("https://acme.eu.auth0.com/", max_lifetime_s=30 * DAY),
        RSA,
        "NjVB",
        {"alg": "RS256", "use": "sig"},
        {"aud": "api", "exp": NOW + 30 * DAY - 60, "gty": "client-credentials"},
        {"typ": "at+jwt"},
    ),
    "Auth0, without alg": Real(issuer("https://acme.eu.auth0.com/"), RSA, "NjVB", {"use": "sig", **CHAIN}, {}),
    "Auth0, PS256": Real(
        issuer("https://acme.eu.auth0.com/", ["RS256", "PS256"]), RSA, "NjVB", {"use": "sig"}, {}, alg="PS256"
    ),
    "Cognito, access": Real(
        issuer(COGNITO, audience="client", audience_claim="client_id"),
        RSA,
        "q9tFjW0k3sS+/Zk1x2y3z4A5b6C7d8E9f0G1h2I3j4k=",
        {"alg": "RS256", "use": "sig"},
        {"client_id": "client", "token_use": "access", "version": 2, "cognito:groups": ["a"]},
        others=[jwk("rs-2", "RS256", kid="abcd/efgh+ijkl=", alg="RS256", use="sig")],
    ),
    "Cognito, ID": Real(
        issuer(COGNITO, audience="client", token_use="id"),
        RSA,
        "q9tF=",
        {"alg": "RS256", "use": "sig"},
        {"aud": "client", "token_use": "id", "cognito:username": "alice"},
    ),
    "Entra ID": Real(
        issuer(ENTRA, ["RS256"], "11112222-bbbb", **ENTRA_KEYS),
        RSA,
        "nOo3ZDrODXEK1jKWhXslHR_KXEg",
        {
            "use": "sig",
            "x5t": "nOo3ZDrODXEK1jKWhXslHR_KXEg",
            "x5c": ["MIID"],
            "issuer": ENTRA,
            "cloud_instance_name": "x",
        },
        {"aud": "11112222-bbbb", "ver": "2.0", "scp": "user", "tid": "72f988bf", "oid": "o", "nbf": NOW - 60},
        {"x5t": "nOo3ZDrODXEK1jKWhXslHR_KXEg"},
    ),
    "Okta": Real(
        issuer("https://acme.okta.com/oauth2/default", jwks_url="https://acme.okta.com/oauth2/default/v1/keys"),
        RSA,
        "U5R8cHbGw445Qbq8zVO1PcCpXL8yG6IcovVa3laCoxM",
        {"alg": "RS256", "use": "sig"},
        {"aud": "api", "cid": "0oa1", "uid": "00u1", "ver": 1, "scp": ["openid"]},
        {"typ": None},
    ),
    "Google": Real(
        issuer("https://accounts.google.com", audience="1.apps", jwks_url="https://www.googleapis.com/oauth2/v3/certs"),
        RSA,
        "b2620d5e7f132b52afe8875cdf3776c064249d04",
        {"alg": "RS256", "use": "sig"},
        {"aud": "1.apps", "azp": "1.apps", "hd": "example.com", "at_hash": "x"},
    ),
    "Firebase": Real(
        issuer(
            "https://securetoken.google.com/p",
            audience="p",
            jwks_url="https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com",
        ),
        RSA,
        "a1b2",
        {"alg": "RS256", "use": "sig"},
        {"aud": "p", "auth_time": NOW, "firebase": {"identities": {}}},
    ),
    "Keycloak": Real(
        issuer(KEYCLOAK, jwks_url=f"{KEYCLOAK}/protocol/openid-connect/certs"),
        RSA,
        "FJ86GcF3jTbNLOco4NvZkUCIUmfYCqoqtOQeMfbhNlE",
        {"alg": "RS256", "use": "sig", **CHAIN},
        {"aud": ["api", "account"], "typ": "Bearer", "azp": "web", "realm_access": {"roles": ["a"]}},
        others=[jwk("rs-2", "RS256", alg="RSA-OAEP", use="enc")],
    ),
    "Keycloak, several algorithms": Real(
        issuer(KEYCLOAK, ["RS256", "PS512", "ES256", "EdDSA"]),
        ("rs-2", "PS512"),
        "p",
        {"alg": "PS512", "use": "sig"},
        {},
        others=[
            jwk("rs-1", "RS256", alg="RS256"),
            jwk("es-1", "ES256", alg="ES256"),
            jwk("ed-1", "EdDSA", alg="EdDSA"),
        ],
    ),
    "Keycloak, EdDSA": Real(
        issuer(KEYCLOAK, ["EdDSA"]),
        ED,
        "Zk-1",
        {"alg": "EdDSA", "use": "sig"},
        {},
        others=[jwk("rs-2", "RS256", use="sig")],
    ),
    "Ed25519 as in RFC 9864": Real(
        issuer("https://a.test", ["EdDSA"]), ED, "ed", {"alg": "Ed25519"}, {}, {"alg": "Ed25519"}
    ),
    "Ed25519 in the settings": Real(issuer("https://a.test", ["Ed25519"]), ED, "ed", {"alg": "EdDSA"}, {}),
    "Ed25519 in the key": Real(issuer("https://a.test", ["EdDSA"]), ED, "ed", {"alg": "Ed25519"}, {}),
    "Ed25519 in the header": Real(issuer("https://a.test", ["EdDSA"]), ED, "ed", {}, {}, {"alg": "Ed25519"}),
    "Supabase": Real(
        issuer(SUPABASE, ["ES256"], "authenticated"),
        EC,
        "0ff6a2a4-6a0c-4b3a-8e43-6a1ccfa3c6b1",
        {"alg": "ES256", "use": "sig", "key_ops": ["verify"], "ext": True},
        {"aud": "authenticated", "role": "authenticated", "aal": "aal1", "email": "", "phone": "49", "session_id": "s"},
    ),
    "Supabase, tokens of a week": Real(
        issuer(SUPABASE, ["ES256"], "authenticated", max_lifetime_s=7 * DAY),
        EC,
        "0ff6a2a4",
        {"alg": "ES256", "key_ops": ["verify"], "ext": True},
        {"aud": "authenticated", "exp": NOW + 7 * DAY - 60},
    ),
    "WorkOS": Real(
        issuer(
            "https://api.workos.com/user_management/client_01H",
            audience="client_01H",
            audience_claim="client_id",
            jwks_url="https://api.workos.com/sso/jwks/client_01H",
            max_lifetime_s=7 * DAY,
        ),
        RSA,
        "sso_oidc_key_pair_01H",
        {"alg": "RS256", "use": "sig", **CHAIN},
        {"client_id": "client_01H", "sid": "session_1", "org_id": "org_1", "role": "member", "exp": NOW + 7 * DAY - 60},
    ),
    "Clerk": Real(
        issuer("https://able.clerk.accounts.dev", audience="https://app.example.com", audience_claim="azp"),
        RSA,
        "ins_2abcDEF",
        {"alg": "RS256", "use": "sig"},
        {"azp": "https://app.example.com", "sid": "sess_1", "nbf": NOW - 10, "exp": NOW + 60, "fva": [0, -1]},
        {"cat": "cl_B7d4PD111AAA"},
    ),
    "Ory Hydra 1": Real(
        issuer("https://hydra.example.com/"), RSA, "public:hydra.jwt.access-token", {"alg": "RS256", "use": "sig"}, {}
    ),
    "Hydra, key of 2.x": Real(
        issuer("https://hydra.example.com/"), RSA, "4e0b3a7c-1d2f", {"alg": "RS256", "use": "sig"}, {}
    ),
    "Apple": Real(
        issuer("https://appleid.apple.com", audience="com.example", jwks_url="https://appleid.apple.com/auth/keys"),
        RSA,
        "Sf2lFqwkpX",
        {"alg": "RS256", "use": "sig"},
        {"aud": "com.example", "nonce_supported": True, "email_verified": "true"},
        {"typ": None},
    ),
    "GitHub Actions": Real(
        issuer("https://token.actions.githubusercontent.com"),
        RSA,
        "38826b17-6a30-5f9b-b169-8beb8202f723",
        {"alg": "RS256", "use": "sig", **CHAIN},
        {"repository": "a/b", "runner_environment": "github-hosted"},
        {"x5t": "x"},
    ),
    "Cloudflare Access": Real(
        issuer("https://acme.cloudflareaccess.com", jwks_url="https://acme.cloudflareaccess.com/cdn-cgi/access/certs"),
        RSA,
        "1c9a03b21f6bd7",
        {"alg": "RS256", "use": "sig"},
        {"aud": ["api"], "type": "app", "identity_nonce": "x"},
        members={"public_cert": {"kid": "a", "cert": "x"}, "public_certs": [{"kid": "a", "cert": "x"}]},
    ),
    "Zitadel": Real(
        issuer("https://acme.zitadel.cloud"),
        RSA,
        "245001872392847361",
        {"alg": "RS256", "use": "sig"},
        {"aud": ["1", "api"]},
    ),
    "AD FS": Real(
        issuer("https://adfs.example.com/adfs"),
        RSA,
        "V1fFTQbM8dyG",
        {"alg": "RS256", "use": "sig", **CHAIN},
        {"apptype": "Public"},
    ),
    "UAA": Real(
        issuer("https://uaa.example.com/oauth/token"),
        RSA,
        "default-jwt-key-1",
        {"alg": "RS256", "use": "sig", "value": "-----BEGIN"},
        {},
    ),
    "a fingerprint as kid": Real(issuer("https://a.test"), RSA, "82:d1:78:0a:bb:9c", {}, {}),
    "a URN as kid": Real(issuer("https://a.test", ["ES256"]), EC, "urn:uuid:1f0a", {}, {}),
    "a key of KMS": Real(
        issuer("https://a.test", ["ES256"]), EC, "arn:aws:kms:eu-central-1:1:key/12ab", {"use": "sig"}, {}
    ),
}


def claims(settings: Issuer, **changes: Any) -> dict[str, Any]:
    made = {"iss": settings.url, "sub": "alice", "aud": "api", "iat": NOW - 60, "exp": NOW + HOUR, **changes}
    return {name: value for name, value in made.items() if value is not None}


def token(key: tuple[str, str], alg: str, header: dict[str, Any], payload: dict[str, Any]) -> str:
    head = {"alg": alg, "typ": "JWT", **header}
    head = {name: value for name, value in head.items() if value is not None}
    return signed(json.dumps(head).encode(), json.dumps(payload).encode(), key[0], alg)


def verifier(
    *issuers: Issuer, keys: Sequence[dict[str, Any]] = (), members: Mapping[str, Any] | None = None
) -> Verifier:
    def source(each: Issuer) -> KeySource:
        if each.hs256_secret is not None:
            return SharedSecret(each.hs256_secret)
        return Jwks(each, fetch=lambda: json.dumps({"keys": keys, **(members or {})}).encode())

    return Verifier(issuers, keys=source, clock=lambda: NOW)


@pytest.mark.parametrize("name", REAL)
def test_token_of_a_real_issuer_is_accepted(name: str) -> None:
    real = REAL[name]
    key = jwk(*real.key, kid=real.kid, **real.published)
    alg = real.alg or real.key[1]
    sent = token(real.key, alg, {"kid": real.kid, **real.header}, claims(real.issuer, **real.claims))

    for keys in ([*real.others, key], [key, *real.others]):
        assert verifier(real.issuer, keys=keys, members=real.members).verify(sent).sub == "alice"


@pytest.mark.parametrize("name", [name for name, real in REAL.items() if real.issuer.max_lifetime_s > DAY])
def test_longer_life_is_a_setting(name: str) -> None:
    real = REAL[name]
    key = jwk(*real.key, kid=real.kid, **real.published)
    for life_s, reason in ((real.issuer.max_lifetime_s, None), (real.issuer.max_lifetime_s + 1, "lifetime")):
        payload = claims(real.issuer, **{**real.claims, "exp": NOW - 60 + life_s})
        sent = token(real.key, real.key[1], {"kid": real.kid, **real.header}, payload)
        assert reason_of(verifier(real.issuer, keys=[key]), sent) == reason


def reason_of(checked: Verifier, sent: str) -> str | None:
    try:
        checked.verify(sent)
    except (TokenRefused, KeysUnavailable) as error:
        return error.reason
    return None


# --- several issuers of one URL ------------------------------------------------------------------

LEGACY = issuer(SUPABASE, ["HS256"], "authenticated", hs256_secret=SECRET)
MODERN = issuer(SUPABASE, ["ES256"], "authenticated")
ES = jwk(*EC, alg="ES256", use="sig", kid="es-1")


def legacy_token(**changes: Any) -> str:
    return token(("legacy", "HS256"), "HS256", {}, claims(LEGACY, **{"aud": "authenticated", **changes}))


def modern_token(**changes: Any) -> str:
    return token(EC, "ES256", {"kid": "es-1"}, claims(MODERN, **{"aud": "authenticated", **changes}))


@pytest.mark.parametrize("issuers", [(LEGACY, MODERN), (MODERN, LEGACY)], ids=["old first", "new first"])
def test_both_keys_are_accepted_during_a_migration(issuers: tuple[Issuer, ...]) -> None:
    checked = verifier(*issuers, keys=[ES])

    assert [checked.verify(sent).sub for sent in (legacy_token(), modern_token())] == ["alice", "alice"]
    assert checked.issuers == (SUPABASE,)
    for sent in (legacy_token, modern_token):
        assert reason_of(checked, sent(exp=NOW - 60)) == "expired"
        assert reason_of(checked, sent(aud="other")) == "audience"
        assert reason_of(checked, sent(iss="https://other.test")) == "issuer"


@pytest.mark.parametrize("issuers", [(LEGACY, MODERN), (MODERN, LEGACY)], ids=["old first", "new first"])
@pytest.mark.parametrize("form", ["pem of es-1", "der of es-1", "jwk of es-1"])
def test_a_public_key_is_never_the_secret(issuers: tuple[Issuer, ...], form: str) -> None:
    forged = signed(
        json.dumps({"alg": "HS256", "kid": "es-1"}).encode(),
        json.dumps(claims(LEGACY, aud="authenticated")).encode(), form, "HS256",
    )  # fmt: skip

    assert reason_of(verifier(*issuers, keys=[ES]), forged) == "signature"


def test_old_key_works_while_the_new_ones_are_unavailable(caplog: pytest.LogCaptureFixture) -> None:
    def failing() -> bytes:
        raise FetchError("no response within 2 s")

    def source(each: Issuer) -> KeySource:
        return SharedSecret(SECRET) if each is LEGACY else Jwks(each, fetch=failing)

    checked = Verifier([MODERN, LEGACY], keys=source, clock=lambda: NOW)
    with caplog.at_level(logging.CRITICAL):
        assert checked.verify(legacy_token()).sub == "alice"
        assert reason_of(checked, modern_token()) == "keys_unavailable"


ACCESS, ID = REAL["Cognito, access"].issuer, REAL["Cognito, ID"].issuer
OTHER_CLIENT = issuer(COGNITO, audience="batch", audience_claim="client_id", required={"scope": "batch"})


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"client_id": "client", "token_use": "access", "aud": None}, None),
        ({"aud": "client", "token_use": "id"}, None),
        ({"client_id": "batch", "token_use": "access", "aud": None, "scope": "batch"}, None),
        # Nothing of one is mixed with another.
        ({"client_id": "batch", "token_use": "access", "aud": None, "scope": "web"}, "required_claim"),
        ({"client_id": "client", "token_use": "id", "aud": None}, "token_use"),
        ({"aud": "client", "token_use": "access"}, "token_use"),
        ({"aud": "batch", "token_use": "id", "client_id": "other"}, "audience"),
        # The reason that helps the caller: this one is to be refreshed.
        ({"client_id": "client", "token_use": "access", "aud": None, "exp": NOW - 60}, "expired"),
        ({"aud": "client", "token_use": "id", "exp": NOW - 60}, "expired"),
        ({"aud": "client", "token_use": "id", "exp": NOW + 3 * DAY}, "lifetime"),
    ],
    ids=str,
)
def test_a_token_is_valid_for_one_of_them_completely(changes: dict[str, Any], reason: str | None) -> None:
    sent = token(RSA, "RS256", {"kid": "rs-1"}, claims(ACCESS, **changes))

    for issuers in permutations((ACCESS, ID, OTHER_CLIENT)):
        assert reason_of(verifier(*issuers, keys=[jwk(*RSA, alg="RS256")]), sent) == reason


def test_one_key_set_is_fetched_once() -> None:
    fetched: list[Issuer] = []

    def source(each: Issuer) -> KeySource:
        fetched.append(each)
        return Jwks(each, fetch=lambda: json.dumps({"keys": [jwk(*RSA)]}).encode())

    Verifier([ACCESS, ID, OTHER_CLIENT], keys=source, clock=lambda: NOW).prefetch()

    assert fetched == [ACCESS]


def test_old_and_new_realm_of_one_name_have_their_own_keys() -> None:
    """As after a move: the same `iss`, published in two places, with one `kid` for two keys."""
    old, new = issuer("https://a.test", jwks_url="https://a.test/old"), issuer("https://a.test")
    sets = {old: jwk("rs-1", "RS256", kid="k"), new: jwk("rs-2", "RS256", kid="k")}

    def source(each: Issuer) -> KeySource:
        return Jwks(each, fetch=lambda: json.dumps({"keys": [sets[each]]}).encode())

    checked = Verifier([old, new], keys=source, clock=lambda: NOW)
    for name in ("rs-1", "rs-2"):
        assert checked.verify(token((name, "RS256"), "RS256", {"kid": "k"}, claims(old))).sub == "alice"
    forged = token(("rs-3", "RS256"), "RS256", {"kid": "k"}, claims(old))
    assert reason_of(checked, forged) == "signature"


def test_secret_of_an_issuer_is_its_key_by_default() -> None:
    assert Verifier([LEGACY], clock=lambda: NOW).verify(legacy_token()).sub == "alice"


def test_without_issuers_the_settings_are_to_blame_and_no_token() -> None:
    with pytest.raises(SettingsError, match="ORG_COMMON_ISSUERS is not set"):
        Verifier([]).verify(legacy_token())
