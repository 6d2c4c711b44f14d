"""Real ES256 tokens, verified by what runs in front of an API. Whatever else might be sent: auth/corpus.py."""

import json
import stat
import subprocess
import sys
import time
from pathlib import Path

import jwt
import pytest

from org_common import ALB, TOKEN, App, Bearer
from org_common import Identity as Caller
from org_common.auth.authorizer import Authorizer
from org_common.testing import Client, Person
from org_common.tools.project.project import ToolError
from org_common.tools.serve.issuer import AUDIENCE, ISSUER, LIFETIME_S, LocalIssuer, TokenIssuer, subject
from org_common.values.errors import Unauthorized
from org_common.values.identity import Identity


@pytest.fixture
def issuer(tmp_path: Path) -> LocalIssuer:
    return LocalIssuer.load(tmp_path)


# --- tokens -----------------------------------------------------------------------------------


def test_token_speaks_for_its_person(issuer: LocalIssuer) -> None:
    identity = Identity.from_claims(issuer.authorize(f"Bearer {issuer.token('alice')}"))

    assert (identity.issuer, identity.subject) == (ISSUER, "local|alice")
    assert (identity.email, identity.email_verified) == ("alice@example.com", True)
    assert LIFETIME_S - 60 < identity.expires_at - time.time() <= LIFETIME_S


def test_subject_is_no_uuid() -> None:
    """Most issuers do not use UUIDs as subjects, so tests must not rely on them."""
    assert subject("alice") == "local|alice"


def test_each_token_has_an_id_of_its_own(issuer: LocalIssuer) -> None:
    ids = {json.loads(issuer.authorize(f"Bearer {issuer.token('alice')}"))["jti"] for _ in range(3)}

    assert len(ids) == 3


def test_authorizer_is_the_one_of_an_api(issuer: LocalIssuer) -> None:
    event = {"version": "2.0", "type": "REQUEST", "headers": {"authorization": f"Bearer {issuer.token('alice')}"}}

    answer = issuer.authorizer(event, None)

    assert isinstance(issuer.authorizer, Authorizer)
    assert json.loads(answer["context"]["claims"])["sub"] == "local|alice"


def test_token_names_its_key_as_the_published_document_does() -> None:
    made = TokenIssuer("https://issuer.test")

    [published] = json.loads(made.jwks())["keys"]

    assert jwt.get_unverified_header(made.token("alice")) == {"alg": "ES256", "typ": "JWT", "kid": published["kid"]}
    assert "d" not in published


def test_claims_of_a_token_can_be_others() -> None:
    made = TokenIssuer("https://issuer.test", tenant_claim="org")

    claims = made.verifier().verify(made.token("alice", org="acme", email="a@b.test", role="admin"))

    assert (claims.tenant, claims.email, claims.email_verified) == ("acme", "a@b.test", False)


@pytest.mark.parametrize(
    "changed", [{"aud": "other"}, {"iss": "https://evil.test"}, {"sub": None}, {"expires_in_s": -60}]
)
def test_token_with_wrong_claims_is_refused(changed: dict[str, object]) -> None:
    made = TokenIssuer("https://issuer.test")

    with pytest.raises(Unauthorized):
        made.verifier().verify(made.token(**{"subject": "alice", **changed}))  # type: ignore[arg-type]


def test_issuers_of_one_process_share_a_key_and_not_a_name() -> None:
    one, other = TokenIssuer("https://one.test"), TokenIssuer("https://other.test")

    with pytest.raises(Unauthorized):
        one.verifier().verify(other.token("alice"))


def test_local_issuer_s_audience_is_its_own(issuer: LocalIssuer) -> None:
    assert jwt.decode(issuer.token("alice"), options={"verify_signature": False})["aud"] == AUDIENCE


def test_app_that_verifies_itself_takes_what_a_test_s_issuer_signs() -> None:
    app = App("own", identity=Bearer(verifier=TokenIssuer("https://issuer.test").verifier()))

    @app.get("/me", allow=TOKEN)
    def me(identity: Caller) -> str:
        return identity.subject

    assert Client(app, person=Person("alice")).get("/me").json() == "alice"
    assert Client(app, person=Person("alice", issuer="https://other.test")).get("/me").status == 401
    assert Client(app).get("/me").status == 401
    assert ALB.has_authorizer is False


def test_file_that_is_no_key_is_named(tmp_path: Path) -> None:
    (tmp_path / "issuer.pem").write_text("junk")

    with pytest.raises(ToolError, match=r"issuer\.pem is not a valid issuer key: delete the file"):
        LocalIssuer.load(tmp_path)


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
    program = "import sys; from pathlib import Path; from org_common.tools.serve.issuer import LocalIssuer"
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
