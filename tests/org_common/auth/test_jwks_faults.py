"""An issuer's server that fails in every way, over real HTTP; only the clocks are moved by hand.

One fetch in 30 s at the most, and no false 401.

`ORG_COMMON_FAULTS=long` makes an hour of each and 100 rotations of what is otherwise some minutes.
"""

import itertools
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from org_common.auth.fetch import Fetch
from org_common.auth.jwks import COOLDOWN_S, FRESH_S, Jwks
from org_common.auth.refusals import KeysUnavailable, TokenRefused
from org_common.auth.tokens import Verifier
from org_common.config.issuers import Issuer
from tests.org_common.auth.forge import API, ISSUERS, NOW, Case, b64, jwk, token
from tests.org_common.auth.keyserver import (
    Answer,
    Clock,
    KeyServer,
    client_tls,
    closed_port,
    drip,
    key_server,
    megabytes,
    raw,
    send,
    server_tls,
)

pytestmark = pytest.mark.fault

LONG = os.environ.get("ORG_COMMON_FAULTS") == "long"
HOUR_S = 3600
KEYS = [jwk("es-1", "ES256")]

FAULTS: dict[str, Answer] = {
    "slow": drip(b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 100, 0.02),
    "silent": lambda handler: handler.rfile.read(),  # type: ignore[dict-item]
    "50 MB": megabytes(50, announced=False),
    "bad JSON": send(b'{"keys": [' + b"}" * 9),
    "no keys": send(b'{"keys": []}'),
    "keys twice": send(b'{"keys": [], "keys": []}'),
    "redirect": send(b"", status=302, Location="https://evil.test/keys"),
    "500": send(b"", status=500),
    "hangs up": raw(b""),
}


class Stage:
    """A verifier in front of a real server, its clocks, and what it said."""

    def __init__(self, server: KeyServer, fetch: Fetch) -> None:
        self.server = server
        self.clock = Clock()
        self.jwks = Jwks(ISSUERS["main"], fetch=fetch, clock=self.clock)
        self.verifier = Verifier([ISSUERS["main"]], keys=lambda issuer: self.jwks, clock=lambda: self.clock.moment[0])
        self.refused: list[str] = []
        self.unavailable = 0
        self.taken = 0

    def breaks(self, answer: Answer) -> None:
        """From now on the server answers like this, and nobody waits for long: the clocks of this test do not run."""
        self.server.answer = answer
        self.jwks._fetch = Fetch(self.server.url, timeout_s=0.2)

    def sign_in(self, kid: str = "es-1") -> None:
        now = int(self.clock.moment[0])
        case = Case("", "", "", header={"kid": kid}, key=kid, claims={"iat": now - 1, "exp": now + 600})
        try:
            self.verifier.verify(token(case))
            self.taken += 1
        except TokenRefused as refused:
            self.refused.append(refused.reason)
        except KeysUnavailable:
            self.unavailable += 1


@pytest.fixture
def server() -> Iterator[KeyServer]:
    with key_server() as started:
        started.publishes(KEYS)
        yield started


@pytest.fixture
def stage(server: KeyServer) -> Stage:
    # Much longer than in earnest: machines that run tests have a lot to do.
    return Stage(server, Fetch(server.url, timeout_s=60))


@pytest.mark.parametrize("fault", FAULTS)
def test_outage_makes_no_false_401_and_no_storm(stage: Stage, fault: str) -> None:
    stage.sign_in()
    stage.breaks(FAULTS[fault])
    before, seconds = stage.server.requests, HOUR_S if LONG else 600

    for _ in range(seconds):
        stage.clock.pass_(1)
        stage.sign_in()

    assert (stage.refused, stage.unavailable, stage.taken) == ([], 0, seconds + 1)
    assert 0 < stage.server.requests - before <= seconds // COOLDOWN_S


def test_server_that_is_gone_makes_no_false_401(stage: Stage) -> None:
    stage.sign_in()
    attempts = 0

    def gone() -> bytes:
        nonlocal attempts
        attempts += 1
        return Fetch(f"http://127.0.0.1:{closed_port()}/")()

    stage.jwks._fetch = gone
    for _ in range(HOUR_S):
        stage.clock.pass_(1)
        stage.sign_in()

    assert (stage.refused, stage.unavailable, stage.taken) == ([], 0, HOUR_S + 1)
    assert 0 < attempts <= HOUR_S // COOLDOWN_S


@pytest.mark.parametrize("fault", FAULTS)
def test_outage_from_the_start_is_a_503_and_no_storm(stage: Stage, fault: str) -> None:
    stage.breaks(FAULTS[fault])

    for _ in range(300):
        stage.sign_in()
        stage.clock.pass_(1)

    assert (stage.refused, stage.unavailable, stage.taken) == ([], 300, 0)
    assert stage.server.requests <= 300 // COOLDOWN_S


@pytest.mark.parametrize("is_down", [False, True])
def test_unknown_keys_by_the_thousand_make_no_storm(stage: Stage, is_down: bool) -> None:
    stage.sign_in()
    if is_down:
        stage.breaks(FAULTS["500"])
    before = stage.server.requests

    # A hundred a second, as an attacker would, and the good one in between.
    _, payload, signature = token(Case("", "", "")).split(".")
    for at in range(10_000):
        header = b64(f'{{"alg":"ES256","kid":"evil-{at}"}}'.encode())
        with pytest.raises((TokenRefused, KeysUnavailable)):
            stage.verifier.verify(f"{header}.{payload}.{signature}")
        if at % 100 == 0:
            stage.clock.pass_(1)
            stage.sign_in()

    assert (stage.refused, stage.unavailable, stage.taken) == ([], 0, 101)
    assert stage.server.requests - before <= 100 // COOLDOWN_S


@pytest.mark.parametrize("interval_s", [1, 7, 31])
def test_keys_that_rotate_each_ten_seconds_make_no_false_401(stage: Stage, interval_s: int) -> None:
    """Key n signs from 10n to 10n + 10; it is published 60 s before that and stays for 60 s after."""
    rotations = 100 if LONG or interval_s > 1 else 30
    start = stage.clock.moment[0]

    def publish(now: float) -> None:
        at = int(now // 10)
        stage.server.publishes([jwk(f"es-{n}", "ES256") for n in range(at - 7, at + 8)])

    fetched_at: list[float] = []
    for _ in itertools.takewhile(lambda _: stage.clock.moment[0] < start + 10 * rotations, itertools.count()):
        now = stage.clock.moment[0] - start
        publish(now)
        before = stage.server.requests
        stage.sign_in(f"es-{int(now // 10)}")
        # A token that was signed 60 s ago still holds.
        stage.sign_in(f"es-{int((now - 60) // 10)}" if now >= 60 else f"es-{int(now // 10)}")
        fetched_at += [now] * (stage.server.requests - before)
        stage.clock.pass_(interval_s)

    assert (stage.refused, stage.unavailable) == ([], 0)
    assert all(later - earlier >= COOLDOWN_S for earlier, later in itertools.pairwise(fetched_at))


def test_key_that_is_withdrawn_is_not_taken_once_the_keys_are_refreshed(stage: Stage) -> None:
    stage.sign_in()
    stage.server.publishes([jwk("es-2", "ES256")])

    stage.clock.pass_(FRESH_S, frozen=True)
    stage.sign_in()

    assert stage.refused == ["unknown_key"]


# From Python 3.12 on a fork with threads about is warned of: the child here does nothing that they could hold.
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize("held", ["flight", "lock"])
def test_child_does_not_wait_for_a_fetch_of_its_parent(held: str) -> None:
    parent = os.getpid()
    begun, go_on = threading.Event(), threading.Event()

    def fetch() -> bytes:
        if os.getpid() == parent:
            begun.set()
            go_on.wait(10)
        return json.dumps({"keys": KEYS}).encode()

    jwks = Jwks(ISSUERS["main"], fetch=fetch)
    other = threading.Thread(target=jwks.prefetch)
    other.start()
    assert begun.wait(10)
    with jwks._lock if held == "lock" else nullcontext():
        child = os.fork()
        if child == 0:
            signal.alarm(10)
            began_s = time.monotonic()
            try:
                os._exit(0 if jwks.key("es-1").key_id == "es-1" and time.monotonic() - began_s < 1 else 1)
            finally:
                os._exit(2)
        assert os.waitpid(child, 0)[1] == 0
    go_on.set()
    other.join()


def test_keys_come_over_https(tmp_path: Path) -> None:
    with key_server(server_tls(tmp_path)) as server:
        server.publishes(KEYS)
        stage = Stage(server, Fetch(server.url, tls=client_tls(), timeout_s=60))

        stage.sign_in()

    assert (stage.taken, server.requests) == (1, 1)


def test_issuer_on_this_machine_is_asked_by_its_own_url(server: KeyServer) -> None:
    issuer = Issuer(ISSUERS["main"].url, audience=API, algorithms=["ES256"], jwks_url=server.url, loopback_http=True)
    verifier = Verifier([issuer], clock=lambda: NOW)

    assert verifier.verify(token(Case("", "", ""))).sub == "auth0|alice"
    assert server.requests == 1
