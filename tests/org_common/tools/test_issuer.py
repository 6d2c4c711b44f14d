"""Real ES256 tokens, and what anybody might send instead of one."""

import base64
import hmac
import json
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from org_common.errors import Unauthorized
from org_common.identity import Identity
from org_common.tools.issuer import AUDIENCE, ISSUER, LIFE_S, LocalIssuer, subject

Key = ec.EllipticCurvePrivateKey
Forge = Callable[[Key], str]


@pytest.fixture
def issuer(tmp_path: Path) -> LocalIssuer:
    return LocalIssuer.load(tmp_path)


@pytest.fixture
def key(issuer: LocalIssuer, tmp_path: Path) -> Key:
    loaded = load_pem_private_key((tmp_path / "issuer.pem").read_bytes(), None)
    assert isinstance(loaded, ec.EllipticCurvePrivateKey)
    return loaded


# --- tokens -----------------------------------------------------------------------------------


def test_token_speaks_for_its_person(issuer: LocalIssuer) -> None:
    identity = Identity.from_claims(issuer.authorize(f"Bearer {issuer.token('alice')}"))

    assert (identity.issuer, identity.subject) == (ISSUER, "local|alice")
    assert (identity.email, identity.email_verified) == ("alice@example.com", True)
    assert LIFE_S - 60 < identity.expires_at - time.time() <= LIFE_S


def test_subject_is_no_uuid() -> None:
    """With most issuers it is none, so nobody may come to rely on it here."""
    assert subject("alice") == "local|alice"


def test_each_token_has_an_id_of_its_own(issuer: LocalIssuer) -> None:
    ids = {json.loads(issuer.authorize(f"Bearer {issuer.token('alice')}"))["jti"] for _ in range(3)}

    assert len(ids) == 3


def test_only_the_claims_that_are_needed_are_passed_on(issuer: LocalIssuer, key: Key) -> None:
    token = sign(key, role="service_role", outer_sub="root", email="alice@example.com")

    passed_on = json.loads(issuer.authorize(f"Bearer {token}"))

    assert list(passed_on) == ["iss", "sub", "exp", "email", "email_verified", "jti"]


def claims(**changes: object) -> dict[str, object]:
    now = int(time.time())
    made = {"iss": ISSUER, "aud": AUDIENCE, "sub": subject("alice"), "iat": now, "exp": now + 60, **changes}
    return {name: value for name, value in made.items() if value is not None}


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def signed_with_the_public_key(key: Key) -> str:
    """As HS256, with what everybody knows as the secret."""
    secret = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    text = f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part(claims())}"
    return f"{text}.{base64.urlsafe_b64encode(hmac.digest(secret, text.encode(), 'sha256')).rstrip(b'=').decode()}"


def flipped(token: str, at: int) -> str:
    parts = token.split(".")
    middle = len(parts[at]) // 2
    parts[at] = parts[at][:middle] + ("A" if parts[at][middle] != "A" else "B") + parts[at][middle + 1 :]
    return ".".join(parts)


def sign(key: Key, **changes: object) -> str:
    return jwt.encode(claims(**changes), key, algorithm="ES256")


FORGED: dict[str, Forge] = {
    "header changed": lambda key: flipped(sign(key), 0),
    "claims changed": lambda key: flipped(sign(key), 1),
    "signature changed": lambda key: flipped(sign(key), 2),
    "signature left out": lambda key: sign(key).rpartition(".")[0] + ".",
    "no third part": lambda key: sign(key).rpartition(".")[0],
    "fourth part": lambda key: sign(key) + ".x",
    "other claims under the signature": lambda key: (
        f"{sign(key).split('.')[0]}.{part(claims(sub=subject('root')))}.{sign(key).split('.')[2]}"
    ),
    "another key": lambda key: sign(ec.generate_private_key(ec.SECP256R1())),
    "public key as secret": signed_with_the_public_key,
    "alg none": lambda key: f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims())}.",
    "alg None": lambda key: f"{part({'alg': 'None'})}.{part(claims())}.",
    "alg missing": lambda key: f"{part({'typ': 'JWT'})}.{part(claims())}.AAAA",
    "header no object": lambda key: f"{part([1])}.{part(claims())}.AAAA",
    "header deep": lambda key: f"{base64.urlsafe_b64encode(b'[' * 5000).decode()}.{part(claims())}.AAAA",
    "expired": lambda key: sign(key, exp=int(time.time()) - 60),
    "not yet": lambda key: sign(key, nbf=int(time.time()) + 600),
    "other issuer": lambda key: sign(key, iss="https://issuer.evil"),
    "issuer's prefix": lambda key: sign(key, iss=ISSUER + "/"),
    "other audience": lambda key: sign(key, aud="somebody-else"),
    "no expiry": lambda key: sign(key, exp=None),
    "no subject": lambda key: sign(key, sub=None),
    "no audience": lambda key: sign(key, aud=None),
    "no issuer": lambda key: sign(key, iss=None),
    "empty": lambda key: "",
    "no token": lambda key: "nonsense",
    "two tokens": lambda key: f"{sign(key)},{sign(key)}",
    "a word behind": lambda key: f"{sign(key)} x",
    "null bytes": lambda key: "%00.%00.%00",
    "umlaut": lambda key: "\xfc.\xfc.\xfc",
    "long": lambda key: "a" * 30_000,
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_token_that_does_not_hold_is_refused(issuer: LocalIssuer, key: Key, forge: Forge) -> None:
    with pytest.raises(Unauthorized) as caught:
        issuer.authorize(f"Bearer {forge(key)}")

    assert caught.value.code == "invalid_token"


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_token_that_does_not_hold_gets_into_no_log(issuer: LocalIssuer, key: Key, forge: Forge) -> None:
    with pytest.raises(Unauthorized) as caught:
        issuer.authorize(f"Bearer {forge(key)}")

    assert (caught.value.__cause__, caught.value.__suppress_context__) == (None, True)


@pytest.mark.parametrize("scheme", ["", "Basic ", "Token ", "Bearer", "JWT ", " Bearer "])
def test_other_scheme_is_refused(issuer: LocalIssuer, scheme: str) -> None:
    with pytest.raises(Unauthorized):
        issuer.authorize(f"{scheme}{issuer.token('alice')}")


# --- the key ----------------------------------------------------------------------------------


def test_key_is_for_its_owner_alone(tmp_path: Path) -> None:
    LocalIssuer.load(tmp_path / "new" / "folder")

    file = tmp_path / "new" / "folder" / "issuer.pem"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in file.parent.iterdir()] == ["issuer.pem"]


def test_key_stays_the_same(tmp_path: Path) -> None:
    token = LocalIssuer.load(tmp_path).token("alice")

    assert "local|alice" in LocalIssuer.load(tmp_path).authorize(f"Bearer {token}")


def test_key_of_another_folder_is_another(tmp_path: Path) -> None:
    token = LocalIssuer.load(tmp_path / "one").token("alice")

    with pytest.raises(Unauthorized):
        LocalIssuer.load(tmp_path / "two").authorize(f"Bearer {token}")


def test_first_loads_at_once_agree_on_one_key(tmp_path: Path) -> None:
    program = "import sys; from pathlib import Path; from org_common.tools.issuer import LocalIssuer"
    program += "; print(); sys.stdin.read(1); print(LocalIssuer.load(Path(sys.argv[1])).token('alice'))"
    command = [sys.executable, "-uc", program, str(tmp_path / "data")]
    started = [subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(4)]
    ready = [process.stdout and process.stdout.readline() for process in started]

    for process in started:
        assert process.stdin
        process.stdin.write("x")
        process.stdin.flush()
    tokens = [process.communicate()[0].strip() for process in started]

    issuer = LocalIssuer.load(tmp_path / "data")
    assert ready == ["\n"] * 4
    assert all("local|alice" in issuer.authorize(f"Bearer {token}") for token in tokens)
    assert [each.name for each in (tmp_path / "data").iterdir()] == ["issuer.pem"]
