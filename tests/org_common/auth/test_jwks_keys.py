"""Which of the keys that an issuer publishes are of use."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import example, given
from hypothesis import strategies as st
from jwt.algorithms import RSAAlgorithm

from org_common.auth.fetch import FetchError
from org_common.auth.jwks import is_kid, usable_keys
from org_common.auth.refusals import TokenRefused
from org_common.config.issuers import ALGORITHMS
from tests.org_common.auth.forge import jwk

ES = jwk("es-1", "ES256")
RS = jwk("rs-1", "RS256")


def published(*keys: Any) -> bytes:
    return json.dumps({"keys": keys}).encode()


def kids(*keys: Any, algorithms: tuple[str, ...] = ("ES256",)) -> list[str]:
    try:
        return sorted(usable_keys(published(*keys), algorithms))
    except FetchError:
        return []


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"use": "sig"},
        {"alg": "ES256"},
        {"key_ops": ["verify"]},
        {"key_ops": ["sign", "verify"]},
        {"x5c": ["anything"], "x5t": "abc", "foo": 1},
    ],
    ids=repr,
)
def test_key_for_signatures_is_of_use(members: dict[str, Any]) -> None:
    assert kids({**ES, **members}) == ["es-1"]


@pytest.mark.parametrize(
    "members",
    [
        *(
            {"use": "enc"},
            {"use": None},
            {"use": ["sig"]},
            {"key_ops": ["sign"]},
            {"key_ops": []},
            {"key_ops": "verify"},
        ),
        *(
            {"alg": "ES384"},
            {"alg": "RS256"},
            {"alg": "none"},
            {"alg": "HS256"},
            {"alg": None},
            {"alg": 5},
            {"alg": ["ES256"]},
        ),
        *(
            {"kid": None},
            {"kid": ""},
            {"kid": 5},
            {"kid": "a\tb"},
            {"kid": "a" * 513},
            {"kid": ["es-1"]},
        ),
        *(
            {"kty": "RSA"},
            {"kty": "oct"},
            {"kty": None},
            {"kty": 5},
            {"crv": "P-384"},
            {"crv": None},
            {"crv": "secp256k1"},
        ),
        *(
            {"x": ""},
            {"x": "AAAA"},
            {"x": None},
            {"x": 5},
            {"y": "!"},
            {"y": ES["x"]},
            {"d": "AAAA"},
            {"k": "AAAA"},
            {"d": None},
        ),
    ],
    ids=repr,
)
def test_other_keys_are_passed_over(members: dict[str, Any]) -> None:
    assert kids({**ES, **members}, jwk("es-2", "ES256")) == ["es-2"]


@pytest.mark.parametrize("other", [None, 5, "text", [], {}, {"kid": "x"}, {"kty": "EC"}], ids=repr)
def test_what_is_no_key_breaks_no_other(other: object) -> None:
    assert kids(other, ES, other) == ["es-1"]


def test_two_keys_of_one_name_are_both_passed_over() -> None:
    assert kids(ES, jwk("es-2", "ES256", kid="es-1"), jwk("es-2", "ES256")) == ["es-2"]
    assert kids(ES, ES, ES) == []


def test_two_kinds_of_one_name_are_two_keys() -> None:
    """As RFC 7517 has it: only one of them is of the issuer's algorithm."""
    assert kids(ES, jwk("rs-1", "RS256", kid="es-1")) == ["es-1"]
    found = usable_keys(published(ES, jwk("rs-1", "RS256", kid="es-1", alg="RS256")), ("ES256", "RS256"))
    assert {name: key.algorithm_name for name, key in found["es-1"].algorithms.items()} == {
        "ES256": "ES256",
        "RS256": "RS256",
    }


def test_two_keys_of_one_name_share_only_what_is_not_the_others() -> None:
    """One without `alg` and one for RS512: which of them is meant is known for RS256 alone."""
    keys = jwk("rs-1", "RS256"), jwk("rs-2", "RS256", kid="rs-1", alg="RS512")

    assert usable_keys(published(*keys), ("RS256", "RS512"))["rs-1"].algorithms.keys() == {"RS256"}


@pytest.mark.parametrize(("bits", "taken"), [(1024, []), (2048, ["small"])])
def test_short_rsa_keys_are_passed_over(bits: int, taken: list[str]) -> None:
    public = rsa.generate_private_key(public_exponent=65537, key_size=bits).public_key()

    assert kids({**json.loads(RSAAlgorithm.to_jwk(public)), "kid": "small"}, algorithms=("RS256",)) == taken


def test_secrets_are_never_taken_from_what_is_published() -> None:
    assert kids({"kty": "oct", "k": "A" * 43, "kid": "hs", "alg": "HS256"}) == []


RSA_NAMES = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
PUBLISHED = {
    "RSA": (RS, RSA_NAMES),
    "P-256": (ES, ("ES256",)),
    "P-384": (jwk("es-384", "ES384"), ("ES384",)),
    "Ed25519": (jwk("ed-1", "EdDSA"), ("EdDSA", "Ed25519")),
}


@pytest.mark.parametrize("kind", PUBLISHED)
@given(accepted=st.lists(st.sampled_from(ALGORITHMS), min_size=1, max_size=6), own=st.sampled_from([None, *ALGORITHMS]))
def test_key_verifies_what_fits_its_type_its_alg_and_the_settings(
    kind: str, accepted: list[str], own: str | None
) -> None:
    key, fitting = PUBLISHED[kind]
    ed = {"EdDSA", "Ed25519"}  # two names of one algorithm (RFC 9864)
    named = set(fitting) if own is None else ed if own in ed else {own}
    allowed = {*accepted, *(ed if ed & {*accepted} else ())}
    try:
        found = set(usable_keys(published(key | ({"alg": own} if own else {})), accepted)[key["kid"]].algorithms)
    except FetchError:
        found = set()

    assert found == named & set(fitting) & allowed


@pytest.mark.parametrize(("count", "taken"), [(3998, ["es-1"]), (3999, [])])
def test_set_of_four_thousand_objects_and_lists_is_the_largest(count: int, taken: list[str]) -> None:
    # The set and its list are two of them.
    assert kids(ES, *[{}] * (count - 1)) == taken


@pytest.mark.parametrize("kind", PUBLISHED)
def test_key_refuses_each_other_algorithm_and_a_wrong_signature(kind: str) -> None:
    key, fitting = PUBLISHED[kind]
    made = usable_keys(published(key), fitting)[key["kid"]]

    for name in {*ALGORITHMS, "none", "HS256", ""}.difference(fitting):
        with pytest.raises(TokenRefused) as caught:
            made.verify(name, b"signed", b"signature")
        assert caught.value.reason == "algorithm"
    for name in fitting:
        assert made.verify(name, b"signed", b"signature") is False


@pytest.mark.parametrize("algorithms", [("RS256", "PS256"), ("PS256", "RS256")])
def test_order_of_the_algorithms_decides_nothing(algorithms: tuple[str, ...]) -> None:
    assert usable_keys(published(RS), algorithms)["rs-1"].algorithms.keys() == {"RS256", "PS256"}


def test_a_set_without_usable_keys_says_what_it_has() -> None:
    keys = [
        {**ES, "use": "enc"}, {**ES, "kid": "a\nb"}, {**ES, "kid": ""}, {**ES, "d": "AAAA"}, {**RS, "alg": "RS256"},
        {**ES, "x": "AAAA"}, jwk("es-2", "ES256"), jwk("es-3", "ES256", kid="es-2"),
    ]  # fmt: skip
    with pytest.raises(FetchError) as raised:
        usable_keys(published(*keys), ("ES256",))

    assert str(raised.value) == (
        "the response has no usable key (skipped: 1 for another use, 2 without a valid kid, 1 private, "
        "1 for other algorithms than the issuer's settings allow, 1 malformed, or RSA under 2048 bits, "
        "1 with the kid and algorithm of another key)"
    )


@pytest.mark.parametrize(
    "data",
    [
        *(
            b"",
            b"null",
            b"[]",
            b"{}",
            b'{"keys": null}',
            b'{"keys": {}}',
            b'{"keys": []}',
            b'{"keys": 5}',
            b"<html>",
            b"{",
        ),
        *(
            b'{"keys": [], "keys": []}',
            b"[" * 5000,
            b'{"keys":' + b"[" * 5000,
            b"\xff\xfe",
            b'{"keys": [NaN]}',
            b"\xef\xbb\xbf{}",
        ),
    ],
    ids=lambda data: repr(data[:24]),
)
def test_what_holds_no_key_is_a_fault(data: bytes) -> None:
    with pytest.raises(FetchError, match="no usable key|not a JSON object"):
        usable_keys(data, ("ES256",))


@given(st.text(st.characters(exclude_categories=["C", "Zl", "Zp", "Zs"]), min_size=1, max_size=512))
@example("public:hydra.jwt.access-token")  # Ory Hydra 1
@example("82:d1:78:0a:bb:9c")  # a fingerprint
@example("urn:uuid:1f0a")
@example("key@tenant")
@example("abc=")
@example("k#1")
@example("projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1")  # Google KMS
@example("arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab")
@example("https://vault.example.net/keys/k/0a1b")  # Azure Key Vault
@example("q9tFjW0k3sS+/Zk1x2y3z4A5b6C7d8E9f0G1h2I3j4k=")  # Cognito
@example("sso_oidc_key_pair_01H")  # WorkOS
@example("ins_2aBc")  # Clerk
@example("CN=issuer, O=Acme")
@example("../../etc/passwd")
def test_any_text_is_a_name(kid: str) -> None:
    assert is_kid(kid)
    assert list(usable_keys(published({**ES, "kid": kid}), ("ES256",))) == [kid]


@pytest.mark.parametrize(
    "kid", ["", "a\n", "a\tb", "\x00", "\x7f", "\u2028", "\ud800", "a" * 513, None, 5, True, ["a"]]
)
def test_control_characters_and_other_types_are_no_names(kid: object) -> None:
    assert not is_kid(kid)
