"""The figures of the soak, each with what it is out of."""

from typing import Any

from tests.soak.scale import SEED
from tests.support.report import Report


class Figures:
    """Puts them into the report, and prints them for `pytest -s`."""

    def __init__(self, report: Report) -> None:
        self._report = report

    def note(self, run: str, good: int, of: int, **facts: Any) -> None:
        found = self._report.run(run, seed=SEED, **facts)
        found.good += good
        found.of += of
        print(f"\n{run}: {good} of {of}; {facts}")
