"""Which access rules the tests have tried: how often each route was allowed, and denied with 403 or 404."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from org_common.app import App
    from org_common.tools.database.tap import RoundTrip

VERDICTS = ("allowed", "denied: 403", "denied: 404")
# App, method, path and rule of a route.
Key = tuple[str, str, str, str]
_current: ContextVar[Key | None] = ContextVar("org_common_route", default=None)


class RuleCoverage:
    """Counts the verdicts of the access rules that have an SQL expression."""

    def __init__(self) -> None:
        self.counts: dict[Key, dict[str, int]] = {}
        """How often each verdict was given, by route."""

    def add_app(self, app: App) -> None:
        """Expect verdicts of all routes of this app."""
        for route in app.routes:
            if route.rule.expression is not None:
                self._counts((app.name, route.method, route.path, route.rule.name))

    def merge(self, counts: Iterable[tuple[Sequence[str], Mapping[str, int]]]) -> None:
        """Add the counts of another process, each with the four parts of its key."""
        for (app, method, path, rule), verdicts in counts:
            mine = self._counts((app, method, path, rule))
            for verdict, count in verdicts.items():
                mine[verdict] += count

    def saw(self, trip: RoundTrip) -> None:
        """Count the verdict of a round trip of the current request."""
        key, verdict = _current.get(), trip.verdict
        if key is not None and verdict in VERDICTS:
            self._counts(key)[verdict] += 1

    def lines(self) -> list[str]:
        """A line for each route that was never allowed, or never denied."""
        found = []
        for (_, method, path, rule), verdicts in sorted(self.counts.items(), key=lambda each: each[0][2::-1]):
            denied = verdicts["denied: 403"] + verdicts["denied: 404"]
            missing = [name for name, count in (("allowed", verdicts["allowed"]), ("denied", denied)) if count == 0]
            if missing:
                found.append(f"{method} {path}, {rule}: never {' and never '.join(missing)}")
        return found

    def summary(self) -> str:
        """How many of the routes were allowed and denied at least once."""
        total, open_lines = len(self.counts), len(self.lines())
        return f"{total - open_lines} of {total} routes with an access rule were allowed and denied at least once"

    def _counts(self, key: Key) -> dict[str, int]:
        return self.counts.setdefault(key, dict.fromkeys(VERDICTS, 0))


active: RuleCoverage | None = None
"""What the client reports its requests to; set by the plugin."""


@contextmanager
def request(app: App, method: str, path: str) -> Iterator[None]:
    """Attribute the round trips in the block to the route that serves this request."""
    if active is not None:
        active.add_app(app)
    route = app.pipeline.find_route(method, path)
    token = _current.set(None if route is None else (app.name, route.method, route.path, route.rule.name))
    try:
        yield
    finally:
        _current.reset(token)
