"""An app that verifies tokens itself: whatever invokes it, only a token that holds makes a caller, and a connection."""

import json
import logging
import socket
from typing import Any

import pytest

from org_common import (
    ALB,
    FUNCTION_URL,
    HTTP_API,
    PUBLIC,
    REST_API,
    SIGNED_IN,
    TOKEN,
    App,
    Bearer,
    Identity,
    Reader,
    Settings,
)
from org_common.auth.fetch import FetchError
from org_common.auth.jwks import FRESH_S, Jwks
from org_common.auth.tokens import Verifier
from org_common.config.issuers import Issuer
from org_common.db.database import Database
from org_common.events import http_api as gateway
from org_common.http.incoming_request import IncomingRequest
from org_common.telemetry.metrics import merge_pending
from org_common.testing import Client, Person, TokenIssuer
from org_common.values.errors import Forbidden
from org_common.values.types import Deadline, LocalContext
from tests.org_common.auth.corpus import CORPUS, OK
from tests.org_common.auth.forge import ISSUERS, NOW, Case, jwk, token
from tests.org_common.auth.keyserver import Clock, closed_port
from tests.support.lines import Sink, untouched_logging

ISSUER = TokenIssuer("https://issuer.test", email_domains=["acme.test"], tenant_claim="org")
SHAPES = (HTTP_API, REST_API, FUNCTION_URL, ALB)


def make(verifier: Verifier | None = None) -> App:
    app = App("own", identity=Bearer(verifier=verifier or ISSUER.verifier()), events=SHAPES)

    @app.get("/me", allow=TOKEN)
    def me(identity: Identity) -> dict[str, Any]:
        return {"sub": identity.subject, "email": identity.email, "ok": identity.email_verified}

    @app.get("/open", allow=PUBLIC)
    def open_to_all() -> str:
        return "open"

    @app.get("/rows", allow=SIGNED_IN)
    def rows(db: Reader) -> list[str]:
        return []

    return app


def request(authorization: str | None, *, tenant_id: str | None = None, authorizer: Any = None) -> IncomingRequest:
    headers = {} if authorization is None else {"authorization": authorization}
    return IncomingRequest("GET", "/me", "/me", "", headers, b"", "r-1", authorizer, Deadline.after(3), tenant_id)


# --- who calls ---------------------------------------------------------------------------------


def test_token_s_person_is_the_caller() -> None:
    sent = ISSUER.token("alice", email="alice@acme.test", email_verified=True, jti="t-1", org="acme")

    identity = Bearer(verifier=ISSUER.verifier()).identity(request(f"Bearer {sent}"))

    assert identity is not None
    assert (identity.issuer, identity.subject, identity.token_id) == ("https://issuer.test", "alice", "t-1")
    assert (identity.email, identity.email_verified, identity.tenant) == ("alice@acme.test", True, "acme")


def test_mailbox_that_the_issuer_cannot_vouch_for_is_not_verified() -> None:
    sent = ISSUER.token("alice", email="root@evil.test", email_verified=True)

    identity = Bearer(verifier=ISSUER.verifier()).identity(request(f"Bearer {sent}"))

    assert identity is not None
    assert (identity.email, identity.email_verified) == ("root@evil.test", False)


def test_without_a_token_nobody_calls() -> None:
    assert Bearer(verifier=ISSUER.verifier()).identity(request(None)) is None


@pytest.mark.parametrize("case", [case for case in CORPUS if case.expected != OK][::20], ids=lambda case: case.name)
def test_token_that_does_not_hold_is_a_401(case: Any) -> None:
    answer = Client(make()).get("/me", headers={"authorization": f"Bearer {token(case)}"})

    assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.json()["code"] in ("invalid_token", "token_expired")


def test_log_says_why_a_token_was_refused_and_nothing_of_it(caplog: pytest.LogCaptureFixture) -> None:
    other = TokenIssuer("https://other.test").token("alice")

    with caplog.at_level("INFO", "org_common"):
        Client(make()).get("/me", headers={"authorization": f"Bearer {other}"})

    assert [record.getMessage() for record in caplog.records] == ["token refused: issuer"]


def test_context_that_somebody_made_up_is_not_read() -> None:
    forged = {"claims": Person("root").claims(), "lambda": {"claims": Person("root").claims()}}

    assert Bearer(verifier=ISSUER.verifier()).identity(request(None, authorizer=forged)) is None
    event = gateway.event("GET", "/me", claims=Person("root").claims())
    assert make()(event, LocalContext("r-1", 3))["statusCode"] == 401


def test_public_route_looks_at_no_token() -> None:
    assert Client(make()).get("/open", headers={"authorization": "nonsense"}).status == 200


# --- tenants -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("org", "tenant_id"), [("acme", "acme"), ("acme", None), (None, None)])
def test_token_of_the_tenant_is_taken(org: str | None, tenant_id: str | None) -> None:
    bearer = Bearer(verifier=ISSUER.verifier())

    identity = bearer.identity(request(f"Bearer {ISSUER.token('alice', org=org)}", tenant_id=tenant_id))

    assert identity is not None
    assert identity.tenant == org


@pytest.mark.parametrize(
    ("org", "tenant_id"), [("acme", "globex"), (None, "acme"), ("", "acme"), ("acme", ""), ("ACME", "acme")]
)
def test_token_of_another_tenant_is_a_403(org: str | None, tenant_id: str) -> None:
    bearer = Bearer(verifier=ISSUER.verifier())

    with pytest.raises(Forbidden) as caught:
        bearer.identity(request(f"Bearer {ISSUER.token('alice', org=org)}", tenant_id=tenant_id))

    assert caught.value.code == "other_tenant"


# --- when it cannot be said ---------------------------------------------------------------------


def test_keys_that_cannot_be_had_are_a_503() -> None:
    def down() -> bytes:
        raise FetchError("down")

    app = make(Verifier([ISSUER.settings], keys=lambda issuer: Jwks(issuer, fetch=down)))

    answer = Client(app, person=Person("alice")).get("/me")

    assert (answer.status, answer.json()["code"]) == (503, "keys_unavailable")
    assert int(answer.headers["retry-after"]) > 0


def test_line_of_the_request_says_how_old_the_keys_are_while_the_issuer_is_down(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("AWS_LAMBDA_RUNTIME_API", "AWS_LAMBDA_FUNCTION_NAME"):
        monkeypatch.setenv(name, "own")
    published, clock, sink = [json.dumps({"keys": [jwk("es-1", "ES256")]}).encode()], Clock(), Sink()

    def fetch() -> bytes:
        if not published:
            raise FetchError("down")
        return published[0]

    merge_pending(into={})  # of other tests
    good = {"authorization": f"Bearer {token(Case('good', 'good', OK))}"}
    with untouched_logging():
        handler = logging.StreamHandler()
        handler.log_sink = sink  # type: ignore[attr-defined]
        logging.getLogger().addHandler(handler)
        source = Jwks(ISSUERS["main"], fetch=fetch, clock=clock)
        app = make(Verifier([ISSUERS["main"]], keys=lambda issuer: source, clock=lambda: NOW))
        assert Client(app).get("/me", headers=good).status == 200
        published.clear()
        clock.pass_(FRESH_S)
        assert Client(app).get("/me", headers=good).status == 200

    first, failed, second = sink.lines
    assert (first["KeyFetches"], first["KeysAge"]) == (1, [0.0])
    assert (second["KeyFetches"], second["KeyFetchesFailed"], second["KeysAge"]) == (1, 1, [FRESH_S])
    assert (failed["level"], failed["keys_age_s"]) == ("WARNING", FRESH_S)


def test_without_issuers_nobody_gets_in() -> None:
    app = App("none", identity=Bearer([]), events=(ALB,))
    assert repr(app.identity) == "Bearer()"

    @app.get("/me", allow=TOKEN)
    def me() -> str:
        raise AssertionError

    assert app.pipeline.respond(request("Bearer a.b.c")).status == 500
    assert app.pipeline.respond(request(None)).status == 401


def test_issuers_come_from_the_environment_by_default() -> None:
    settings = Settings(issuers=(Issuer("https://a.test", audience="a", algorithms=["ES256"]),))

    assert repr(Bearer(settings=settings)) == "Bearer(https://a.test)"


# --- the database ------------------------------------------------------------------------------


class Listener:
    """Stands where the database was, and counts who comes."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self.url = f"postgresql://app_login@127.0.0.1:{self._socket.getsockname()[1]}/app"

    def callers(self) -> int:
        count = 0
        try:
            while True:
                self._socket.accept()[0].close()
                count += 1
        except BlockingIOError:
            return count

    def close(self) -> None:
        self._socket.close()


BAD = ["", "Bearer", "Bearer a.b.c", "Basic YTpi", f"Bearer {ISSUER.token('alice', expires_in_s=-60)}"]
BAD += [f"Bearer {token(case)}" for case in CORPUS[::40] if case.expected != OK]


@pytest.mark.parametrize("source", ["Bearer", "authorizer"])
def test_bad_token_opens_no_connection(source: str) -> None:
    app = make()
    if source == "authorizer":
        app = App("behind")
        app.get("/rows", allow=SIGNED_IN)(make().routes[-1].handler)
    listener = Listener()
    app.use(Database(Settings(database_url=listener.url)))
    try:
        for authorization in BAD:
            event = gateway.event("GET", "/rows", headers={"authorization": authorization})
            if source == "authorizer":
                event["requestContext"]["authorizer"] = {"lambda": {"claims": json.dumps({"sub": authorization[:99]})}}

            assert app(event, LocalContext("r-1", 3))["statusCode"] == 401

        assert listener.callers() == 0
    finally:
        app.use(None)
        listener.close()


def test_bad_token_is_a_401_and_a_good_one_a_503_while_the_database_is_stopped() -> None:
    app = make()
    app.use(Database(Settings(database_url=f"postgresql://app_login@127.0.0.1:{closed_port()}/app")))

    bad = [Client(app).get("/rows", headers={"authorization": authorization}).status for authorization in BAD]
    good = Client(app, person=Person("alice")).get("/rows").status
    app.use(None)

    assert (set(bad), good) == ({401}, 503)
