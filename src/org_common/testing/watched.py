"""The options `--sql` and `--rule-coverage` of the pytest plugin: they watch the round trips of each test."""

from __future__ import annotations

import sys
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

from org_common.testing import rule_coverage
from org_common.testing.rule_coverage import RuleCoverage

if TYPE_CHECKING:
    from org_common.tools.database.tap import RoundTrip

# Of a test that makes more, the last ones are shown.
MAX_TRIPS = 50
_OUTPUT = "org_common_rules"


class Watch:
    """A pytest plugin. Until a test has imported the database layer, it imports nothing of it."""

    def __init__(self, *, sql: bool, rules: bool) -> None:
        self.rules: RuleCoverage | None = RuleCoverage() if rules else None
        """What the tests tried; None without `--rule-coverage`."""
        self._sql = sql
        self._trips: list[RoundTrip] = []
        self._listens = False
        rule_coverage.active = self.rules

    def pytest_runtest_setup(self) -> None:
        """Begin with no round trips."""
        self._trips.clear()
        if not self._listens and "org_common.db.connections.connection" in sys.modules:
            from org_common.tools.database.tap import listen

            listen(self._saw)
            self._listens = True

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Show the statements of a test that failed."""
        report = yield
        if self._sql and report.failed and self._trips:
            from org_common.tools.database.statement_log import describe

            lines = [f"{number}. {describe(trip)}" for number, trip in enumerate(self._trips, 1)]
            report.sections.append(("SQL", "\n".join(lines[-MAX_TRIPS:])))
        return report

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """With `-n`, take what a process has counted."""
        if self.rules is not None:
            self.rules.merge(getattr(node, "workeroutput", {}).get(_OUTPUT, []))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """With `-n`, hand the counts of this process to the main one."""
        output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
        if output is not None and self.rules is not None:
            output[_OUTPUT] = [(list(key), verdicts) for key, verdicts in self.rules.counts.items()]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """List the rules that were never allowed, or never denied."""
        if self.rules is not None:
            terminalreporter.section("access rules")
            for line in self.rules.lines():
                terminalreporter.line(line)
            terminalreporter.line(self.rules.summary())

    def _saw(self, trip: RoundTrip) -> None:
        if self._sql:
            self._trips.append(trip)
        if self.rules is not None:
            self.rules.saw(trip)
