"""Nine ways in which a network fails, at each phase of a unit: the answer is the one that the retry table gives."""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Thread

import pytest

from org_common.db.connections.retry import TABLE, Action, Phase, Signal
from tests.faults.bench import COUNT, Bench, Seen
from tests.support.lab import until
from tests.support.report import Report

pytestmark = [pytest.mark.db, pytest.mark.fault]

RUN = "cells of faults x phases answered as the retry table says"


@dataclass(frozen=True)
class Place:
    """Where a fault strikes: in a request, at a handler's stop (None: before it), in a phase of the table."""

    name: str
    method: str
    stop: Phase | str | None
    phase: Phase
    text: str = ""


PLACES = [
    Place("transaction: connect", "POST", None, Phase.CONNECT),
    Place("transaction: first round trip", "POST", "BEGIN", Phase.WRITE, "insert into lab.notes"),
    Place("transaction: later round trip", "POST", Phase.WRITE, Phase.WRITE, "insert into lab.notes"),
    Place("transaction: COMMIT", "POST", Phase.COMMIT, Phase.COMMIT, "commit"),
    Place("reader: connect", "GET", None, Phase.CONNECT),
    Place("reader: flight", "GET", Phase.READ, Phase.READ, COUNT),
]


@dataclass(frozen=True)
class Kind:
    """A fault, and what the client notices of it: None is nothing but time."""

    name: str
    strike: Callable[[Bench, Place], None]
    signal: Signal | None = Signal.LOST
    lasts: bool = False
    # The server has done what it was asked for.
    arrived: bool = False


def closed(bench: Bench, place: Place, *, reset: bool) -> None:
    """While the client waits for its answer, with the request still on its way."""
    proxy = bench.proxy
    proxy.freeze()
    before = proxy.sent_bytes

    def close() -> None:
        assert until(lambda: proxy.sent_bytes > before)
        proxy.drop(reset=reset)
        proxy.thaw()

    Thread(target=close).start()


def fin(bench: Bench, place: Place) -> None:
    closed(bench, place, reset=False)


def rst(bench: Bench, place: Place) -> None:
    closed(bench, place, reset=True)


def refuse(bench: Bench, place: Place) -> None:
    """Whoever comes is turned away, and whoever is there is thrown out."""
    bench.proxy.refuse()
    if place.phase is not Phase.CONNECT:
        rst_now(bench)


def rst_now(bench: Bench) -> None:
    bench.proxy.cut_after_bytes(1)


def freeze(bench: Bench, place: Place) -> None:
    bench.proxy.freeze()


def slow(bench: Bench, place: Place) -> None:
    bench.proxy.slow(latency_s=0.03, jitter_s=0.03)


def narrow(bench: Bench, place: Place) -> None:
    bench.proxy.slow(bandwidth_bytes_s=20_000)


def torn(bench: Bench, place: Place) -> None:
    """In the midst of the answer."""
    bench.proxy.cut_after_bytes(30)


def before(bench: Bench, place: Place) -> None:
    if place.phase is Phase.CONNECT:
        bench.proxy.cut_after_bytes(4, direction="sent")
    else:
        bench.proxy.cut(when="before", text=place.text)


def after(bench: Bench, place: Place) -> None:
    if place.phase is Phase.CONNECT:
        bench.proxy.cut_after_bytes(bench.startup_bytes - 1)
    else:
        bench.proxy.cut(when="after", text=place.text)


KINDS = [
    Kind("FIN", fin),
    Kind("RST", rst),
    Kind("refused", refuse, lasts=True, arrived=True),
    Kind("blackhole", freeze, Signal.UNRESPONSIVE, lasts=True),
    Kind("latency", slow, None),
    Kind("bandwidth", narrow, None),
    Kind("answer torn", torn, arrived=True),
    Kind("cut before forwarded", before),
    Kind("cut after answered", after, arrived=True),
]

OK, UNAVAILABLE, ROLLED_BACK, UNKNOWN, TIMEOUT = (
    (200, ""),
    (503, "unavailable"),
    (503, "concurrent_change"),
    (503, "commit_unknown"),
    (504, "timeout"),
)


def verdict(kind: Kind, place: Place) -> tuple[int, str]:
    """What the table says."""
    if kind.signal is None:
        return OK
    signal = kind.signal
    if place.phase is Phase.CONNECT and signal is Signal.LOST:
        # A server that has not spoken yet cannot be told from one that is not there yet.
        signal = Signal.STARTING
    match TABLE[signal, place.phase]:
        case Action.BACK_OFF | Action.RESEND:
            return UNAVAILABLE if kind.lasts else OK
        case Action.RERUN:
            return ROLLED_BACK
        case Action.SETTLE if kind.lasts:
            return UNKNOWN
        case Action.SETTLE:
            return OK if kind.arrived else ROLLED_BACK
        case Action.TIMEOUT:
            return TIMEOUT
        case Action.UNAVAILABLE:
            return UNAVAILABLE
        case other:
            raise AssertionError(other)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_cell(kind: Kind, place: Place, bench: Bench, report: Report) -> None:
    with report.case(RUN):
        seen = struck(kind, place, bench)
        report.cell("faults x phases", kind.name, place.name, f"{seen.status} {seen.code}".strip())

        assert (seen.status, seen.code) == verdict(kind, place), seen
        assert seen.left_s > 0
        bench.proxy.restore()
        bench.faults.clear()
        assert bench.lab.is_quiet()
        if seen.code != "commit_unknown":
            kept = [1, 2] if (place.method, seen.status) == ("POST", 200) else []
            assert bench.lab.notes() == kept
        assert bench.sent("commit") <= 1
        assert bench.read().status == 200, "the next request is answered"


def struck(kind: Kind, place: Place, bench: Bench) -> Seen:
    timeout_s = 1.2 if kind.lasts else 8.0
    if place.stop is None:
        bench.cold()
        kind.strike(bench, place)
    else:
        bench.warm()
        bench.faults[place.stop] = lambda: kind.strike(bench, place)
    return bench.send(place.method, "/notes", timeout_s=timeout_s)
