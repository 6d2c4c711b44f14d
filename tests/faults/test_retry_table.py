"""Every row of the retry table is provoked, and what happens then is what its Action says."""

from collections.abc import Callable
from typing import LiteralString

import pytest

from org_common.db.connections.retry import ATTEMPTS, TABLE, Action, Phase, Signal
from tests.faults.bench import Bench
from tests.faults.provocations import AT_THE_DOOR, IN_FLIGHT, AtTheDoor, InFlight, deadlock
from tests.support.report import Report

pytestmark = [pytest.mark.db, pytest.mark.fault]

RUN = "rows of the retry table that behave as their Action says"
Row = tuple[Signal, Phase]


def rows(action: Action) -> list[Row]:
    return [row for row, each in TABLE.items() if each is action]


def of(action: Action) -> pytest.MarkDecorator:
    """One test for each row with this Action. Only on a direct connection are there plans that could go stale."""
    profiles = ["direct" if row[0] is Signal.STALE_PLAN else "transaction-pooler" for row in rows(action)]
    ids = [f"{signal.name}-{phase.name}" for signal, phase in rows(action)]
    return pytest.mark.parametrize(("row", "profile"), list(zip(rows(action), profiles, strict=True)), ids=ids)


def at_the_door(row: Row) -> AtTheDoor:
    return AT_THE_DOOR[row[0]]


@pytest.fixture
def provoke(row: Row) -> InFlight:
    return IN_FLIGHT[row]


@pytest.fixture(autouse=True)
def _counted(request: pytest.FixtureRequest, report: Report) -> None:
    """The denominator is the table itself, walked or not."""
    report.run(RUN).of = len(TABLE)


def is_refused(row: Row, bench: Bench, provoke: AtTheDoor, *, tried: int) -> None:
    with provoke(bench, True) as (source, door):
        turned_away = bench.behind(source).read()

        assert (turned_away.status, turned_away.code) == (503, "unavailable"), turned_away
        assert int(turned_away.headers["retry-after"]) > 0
        assert door.tried == tried
        # The handler counts its runs before its statement, so its caller is authorized first.
        assert turned_away.runs == 0


def test_each_row_has_a_provocation() -> None:
    assert {(signal, Phase.CONNECT) for signal in AT_THE_DOOR} | IN_FLIGHT.keys() == TABLE.keys()


@of(Action.BACK_OFF)
def test_back_off(row: Row, bench: Bench, report: Report) -> None:
    is_refused(row, bench, at_the_door(row), tried=ATTEMPTS)

    with at_the_door(row)(bench, False) as (source, door):
        seen = bench.behind(source).read()
        assert (seen.status, door.tried) == (200, 2)
    report.run(RUN).good += 1


@of(Action.REFRESH)
def test_refresh(row: Row, bench: Bench, report: Report) -> None:
    with at_the_door(row)(bench, True) as (source, door):
        unchanged = bench.behind(source).read()
        assert (unchanged.status, unchanged.code) == (503, "unavailable")
        assert (door.tried, door.refreshed, source.counters.refreshed) == (1, 1, 0)

    with at_the_door(row)(bench, False) as (source, door):
        seen = bench.behind(source).read()
        assert seen.status == 200
        assert (door.tried, door.refreshed, source.counters.refreshed) == (2, 1, 1)
    report.run(RUN).good += 1


@of(Action.UNAVAILABLE)
def test_unavailable(row: Row, bench: Bench, report: Report) -> None:
    is_refused(row, bench, at_the_door(row), tried=1)
    report.run(RUN).good += 1


@of(Action.MISCONFIGURED)
def test_misconfigured(row: Row, bench: Bench, report: Report) -> None:
    with at_the_door(row)(bench, True) as (source, door):
        seen = bench.behind(source).read()

        assert (seen.status, seen.code, seen.runs, door.tried) == (500, "internal_error", 0, 1), seen
        assert "retry-after" not in seen.headers
    report.run(RUN).good += 1


@of(Action.RESEND)
def test_resend(row: Row, bench: Bench, provoke: InFlight, report: Report, fresh: Callable[[], Bench]) -> None:
    bench.warm()
    provoke(bench, False)
    bench.proxy.reset()
    seen = bench.read()
    assert (seen.status, seen.runs) == (200, 1), seen
    # The access rule, then the statement twice.
    assert bench.proxy.round_trips() == 1 + 2
    assert bench.source.counters.resent == 1
    assert bench.proxy.connections == (1 if row[0] is Signal.LOST else 0)

    other = fresh()
    other.warm()
    provoke(other, True)
    other.proxy.reset()
    refused = other.read()
    # A function that raises the SQLSTATE of a stale plan, each time, has a bug of its own: nothing is sent again.
    is_bug = row[0] is Signal.STALE_PLAN
    assert (refused.status, refused.runs) == (500 if is_bug else 503, 1), refused
    assert other.proxy.round_trips() == 1 + (1 if is_bug else 2)
    report.run(RUN).good += 1


@of(Action.RERUN)
def test_rerun(row: Row, bench: Bench, provoke: InFlight, report: Report, fresh: Callable[[], Bench]) -> None:
    bench.warm()
    provoke(bench, False)
    if not bench.under:
        # Other isolations have retry=True, or the app does not start.
        once = bench.write("/notes")
        assert (once.status, once.code, once.runs) == (503, "concurrent_change", 1), once
        assert own_notes(bench) == []

    again = fresh()
    again.warm()
    provoke(again, False)
    rerun = again.write("/again")
    assert (rerun.status, rerun.runs) == (200, 2), rerun
    assert own_notes(again)[0] == 1
    assert again.source.counters.rerun == 1

    lasting = fresh()
    lasting.warm()
    provoke(lasting, True)
    refused = lasting.write("/again")
    # A function that raises the SQLSTATE of a stale plan, each time, has a bug of its own.
    expected = (500, 1) if row[0] is Signal.STALE_PLAN else (503, ATTEMPTS)
    assert (refused.status, refused.runs) == expected, refused
    assert own_notes(lasting) == []
    report.run(RUN).good += 1


def test_deadlock(bench: Bench, report: Report, fresh: Callable[[], Bench]) -> None:
    """Under READ COMMITTED as well, a conflict that the row of the table above has not met."""
    for path, answer in {"/notes": (503, "concurrent_change", 1), "/again": (200, "", 2)}.items():
        with report.case("deadlocks resolved against us: refused without retry=True, run again with it"):
            each = fresh()
            each.lab.configure("deadlock_timeout", "50")
            each.warm()
            deadlock(each)
            seen = each.write(path)
            assert (seen.status, seen.code, seen.runs) == answer, seen


@pytest.mark.parametrize("profile", ["direct", "transaction-pooler"])
def test_what_the_server_does_not_support_is_no_stale_plan(bench: Bench, report: Report) -> None:
    """Both are 0A000, and this one is the program's fault for ever: nobody is to try again."""
    bench.writing = "select number from lab.batches where %(id)s = 2 group by number for update"
    bench.warm()
    with report.case("0A000 that is no stale plan: 500 at once"):
        seen = bench.write("/again")

        assert (seen.status, seen.runs) == (500, 1), seen


@pytest.mark.parametrize("sqlstate", ["08001", "08006", "08P01", "57P01", "57P02", "57P05"])
def test_a_code_of_connections_on_an_intact_one(bench: Bench, report: Report, sqlstate: str) -> None:
    """Raised by a function, as by one that asks a foreign server: neither sent again nor run again."""
    texts: dict[str, LiteralString] = {
        "08001": "select lab.fail('08001', 'could not connect') where %(id)s = 2",
        "08006": "select lab.fail('08006', 'connection failure') where %(id)s = 2",
        "08P01": "select lab.fail('08P01', 'bind message supplies 0 parameters') where %(id)s = 2",
        "57P01": "select lab.fail('57P01', 'terminating connection') where %(id)s = 2",
        "57P02": "select lab.fail('57P02', 'terminating connection') where %(id)s = 2",
        "57P05": "select lab.fail('57P05', 'terminating connection') where %(id)s = 2",
    }
    status = 500 if sqlstate == "08P01" else 503
    bench.reading = bench.writing = texts[sqlstate]
    bench.ask("select 1")
    bench.proxy.reset()
    with report.case("errors of a connection, raised on an intact one: one attempt"):
        read, write = bench.read(), bench.write("/again")

        assert (read.status, read.runs, write.status, write.runs) == (status, 1, status, 1), (read, write)
        assert bench.source.counters.resent == 0
        assert bench.proxy.connections == 0
        assert bench.lab.notes() == []


@of(Action.DROP)
def test_drop(row: Row, bench: Bench, provoke: InFlight, report: Report) -> None:
    path = "/late" if row[1] is Phase.COMMIT else "/notes"
    bench.warm()
    provoke(bench, False)

    first = bench.write(path)
    assert (first.status, first.runs) == (503, 1), first
    assert bench.lab.notes() == []
    second = bench.write(path)
    assert second.status == 200, "the next request finds the primary"
    assert bench.proxy.connections == 1
    report.run(RUN).good += 1


@of(Action.TIMEOUT)
def test_timeout(row: Row, bench: Bench, provoke: InFlight, report: Report) -> None:
    bench.warm()
    provoke(bench, True)

    # The server's limit is met long before the request's.
    timeout_s = 8 if row[0] is Signal.TIME_LIMIT else 1
    path = "/again" if row[0] is Signal.TIME_LIMIT else "/notes"
    seen = bench.read(timeout_s=timeout_s) if row[1] is Phase.READ else bench.write(path, timeout_s=timeout_s)

    assert (seen.status, seen.code, seen.runs) == (504, "timeout", 1), seen
    assert bench.source.counters.resent == 0
    assert seen.left_s > 0
    bench.proxy.thaw()
    assert bench.lab.is_quiet()
    assert bench.lab.notes() == []
    report.run(RUN).good += 1


@of(Action.SETTLE)
def test_settle(row: Row, bench: Bench, provoke: InFlight, report: Report) -> None:
    bench.warm()
    provoke(bench, True)

    seen = bench.write(timeout_s=1 if row[0] is Signal.UNRESPONSIVE else 8)

    # There is no time left to ask in after an unresponsive COMMIT. A lost one had not arrived.
    expected = {
        Signal.UNRESPONSIVE: (503, "commit_unknown", 1),
        Signal.TIME_LIMIT: (504, "timeout", 1),
        Signal.LOST: (503, "concurrent_change", 1),
    }
    assert (seen.status, seen.code, seen.runs) == expected[row[0]], seen
    assert bench.sent("commit") == 1
    bench.proxy.restore()
    assert bench.lab.is_quiet()
    assert bench.lab.notes() == []
    report.run(RUN).good += 1


def own_notes(bench: Bench) -> list[int]:
    """Those of the handler; 9 is the provocation's."""
    return [note for note in bench.lab.notes() if note != 9]
