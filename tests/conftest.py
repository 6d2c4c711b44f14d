"""What all tests have in common. The fixtures `postgres` and `database` are org_common.testing's own."""

import gc
import os
from collections.abc import Generator
from pathlib import PurePosixPath
from typing import Any

import pytest


def pytest_collection_finish(session: pytest.Session) -> None:
    """Leave the tests out of garbage collections: 21,000 of them are a gigabyte, which takes a second to visit."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object:
    """With `-n`, one process runs all tests of a folder, in their order: session fixtures belong to folders."""
    from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

    class ByFolder(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return str(PurePosixPath(nodeid.partition("::")[0]).parent)

    return ByFolder(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    """With `-n`, reports are sent in UTF-8, which lacks the lone surrogates that some tests print."""
    return without_surrogates((yield))


def without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if isinstance(value, dict):
        return {key: without_surrogates(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(without_surrogates(each) for each in value)
    return value


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
