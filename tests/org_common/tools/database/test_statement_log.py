from org_common.db.protocol.errors import StatementFailed
from org_common.tools.database.statement_log import MAX_SQL, describe
from org_common.tools.database.tap import RoundTrip

RULE = b"select app.require(true)"


class Result:
    def __init__(self, rows: int) -> None:
        self.ntuples = rows
        self.command_tuples = None


def trip(*commands: bytes, rows: int = 0, error: Exception | None = None) -> RoundTrip:
    results = [] if error else [Result(rows)] * len(commands)
    return RoundTrip([(command, [], (), []) for command in commands], results, error, 1.234)


def test_line_has_time_verdict_statement_and_rows() -> None:
    assert describe(trip(b"begin", RULE, b"select 1", rows=1)) == "1.2 ms, rule allowed: select 1 -- 1 row"


def test_each_further_statement_has_a_line() -> None:
    assert describe(trip(b"select 1", b"select 2", rows=2)) == "1.2 ms: select 1 -- 2 rows\n  select 2 -- 2 rows"


def test_round_trip_of_the_sdk_is_named() -> None:
    assert describe(trip(b"commit")) == "1.2 ms: commit"


def test_failure_is_named() -> None:
    error = StatementFailed("42P01", "relation does not exist")

    assert (
        describe(trip(b"select 1", error=error)) == "1.2 ms, failed: relation does not exist (SQLSTATE 42P01): select 1"
    )


def test_denied_request_is_no_failure() -> None:
    error = StatementFailed("OC403", "denied")

    assert describe(trip(RULE, b"select 1", error=error)) == "1.2 ms, rule denied: 403: select 1"


def test_long_statement_is_cut() -> None:
    line = describe(trip(b"select " + b"x" * MAX_SQL))

    assert line.endswith("x … -- 0 rows")
    assert len(line) < MAX_SQL + 40
