"""Counts the round trips to the database in a test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from org_common.tools.database.tap import RoundTrip


class RoundTrips:
    """The round trips to the database so far in a block of `assert_round_trips`."""

    def __init__(self, trips: Sequence[RoundTrip]) -> None:
        self._trips = trips

    def __len__(self) -> int:
        return len(self._trips)

    def statements(self) -> list[list[str]]:
        """The SQL of the handlers in each round trip, with the names of its parameters; never their values."""
        return [[sent.sql for sent in trip.sent()] for trip in self._trips]

    def __str__(self) -> str:
        from org_common.tools.database.statement_log import describe

        return "\n".join(f"{number}. {describe(trip)}" for number, trip in enumerate(self._trips, 1))


@contextmanager
def assert_round_trips(expected: int) -> Iterator[RoundTrips]:
    """Fail unless the block makes exactly this many round trips to the database, and show those that it made.

    with assert_round_trips(1) as trips:
        client.get("/orgs")
    """
    from org_common.tools.database.tap import listening

    made: list[RoundTrip] = []
    trips = RoundTrips(made)
    with listening(made.append):
        yield trips
    if len(trips) != expected:
        shown = f":\n{trips}" if len(trips) else ""
        noun = "round trip" if expected == 1 else "round trips"
        raise AssertionError(f"expected {expected} {noun} to the database, got {len(trips)}{shown}")
