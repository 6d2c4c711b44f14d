"""The local server with its demo data, and a count of what it answered."""

import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from cora_modules.mgmt import aws as clients
from org_common.tools.database.local import LocalDatabase, clone, drop
from tests.contract.scale import LONG
from tests.support.aws import fake_aws
from tests.support.report import Report
from tests.support.served import Served, served


@pytest.fixture(scope="module")
def server(database_template: LocalDatabase) -> Iterator[Served]:
    local = clone(database_template, "contract")
    with (
        tempfile.TemporaryDirectory() as folder,
        # Module mgmt calls AWS.
        fake_aws() as fake,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in fake.environ.items():
            patch.setenv(name, value)
        clients.client.cache_clear()
        with served(local, Path(folder)) as made:
            yield made
        clients.client.cache_clear()
    drop(local)


class Tally:
    """What was sent, and what came back."""

    def __init__(self) -> None:
        self.cases = 0
        self.statuses: Counter[int] = Counter()
        self.undocumented = 0

    @property
    def failures(self) -> int:
        return sum(count for status, count in self.statuses.items() if status >= 500)


@pytest.fixture(scope="module")
def tally() -> Iterator[Tally]:
    made = Tally()
    report = Report("contract", "long" if LONG else "short")
    yield made
    statuses = {str(status): count for status, count in sorted(made.statuses.items())}
    for name, bad in (("answers below 500", made.failures), ("documented statuses", made.undocumented)):
        run = report.run(name, statuses=statuses)
        run.good, run.of = made.cases - bad, made.cases
    report.write()
    print(f"\n{made.cases} cases, {made.failures} of 500 and above, {made.undocumented} undocumented: {statuses}")
