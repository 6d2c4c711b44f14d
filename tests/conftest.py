"""What all tests have in common. The fixtures `postgres` and `database` are org_common.testing's own."""

import os

import pytest


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if session.exitstatus == pytest.ExitCode.OK and skipped_in_ci(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    count = skipped_in_ci(config)
    if count:
        terminalreporter.section("CI skips nothing", red=True)
        terminalreporter.line(
            f"{count} skipped: install what they need (.ci/run does), or run without CI in the environment."
        )


def skipped_in_ci(config: pytest.Config) -> int:
    """How many tests were skipped where none may be: in CI a test that cannot run is a test that failed."""
    reporter: pytest.TerminalReporter | None = config.pluginmanager.get_plugin("terminalreporter")
    return len(reporter.stats.get("skipped", ())) if reporter and os.environ.get("CI") else 0
