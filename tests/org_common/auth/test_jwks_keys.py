"""Which of the keys that an issuer publishes are of use."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from org_common.auth.fetch import FetchError
from org_common.auth.jwks import is_kid, usable_keys
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
            {"kid": "../x"},
            {"kid": "a b"},
            {"kid": "a" * 129},
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


@pytest.mark.parametrize(("bits", "taken"), [(1024, []), (2048, ["small"])])
def test_short_rsa_keys_are_passed_over(bits: int, taken: list[str]) -> None:
    public = rsa.generate_private_key(public_exponent=65537, key_size=bits).public_key()

    assert kids({**json.loads(RSAAlgorithm.to_jwk(public)), "kid": "small"}, algorithms=("RS256",)) == taken


def test_secrets_are_never_taken_from_what_is_published() -> None:
    assert kids({"kty": "oct", "k": "A" * 43, "kid": "hs", "alg": "HS256"}) == []


@pytest.mark.parametrize(
    ("key", "algorithms", "bound"),
    [
        (RS, ("RS256", "PS256"), "RS256"),
        (RS, ("PS256", "RS256"), "PS256"),
        ({**RS, "alg": "PS256"}, ("RS256", "PS256"), "PS256"),
        (RS, ("ES256", "RS512"), "RS512"),
        (jwk("es-384", "ES384"), ("ES256", "ES384"), "ES384"),
        (jwk("ed-1", "EdDSA"), ("EdDSA",), "EdDSA"),
    ],
)
def test_key_is_bound_to_one_algorithm(key: dict[str, Any], algorithms: tuple[str, ...], bound: str) -> None:
    [found] = usable_keys(published(key), algorithms).values()

    assert found.algorithm_name == bound


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


@pytest.mark.parametrize(
    "kid",
    ["a", "1", "es-1", "A_b.c~d-e", "a" * 128, "q9tFjW0k3sS+/Zk1x2y3z4A5b6C7d8E9f0G1h2I3j4k=", "ins_2aBc", "+" * 22],
)
def test_names_that_issuers_give_are_names(kid: str) -> None:
    assert is_kid(kid)


@pytest.mark.parametrize(
    "kid", ["", "a b", "a/b", "../a", "/etc/passwd", "a+b", "a=", "a\n", "é", "http://a", "a" * 129, None, 5]
)
def test_other_texts_are_no_names(kid: object) -> None:
    assert not is_kid(kid)
