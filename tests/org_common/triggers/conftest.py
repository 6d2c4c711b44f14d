"""A platform whose members send messages, and workers that handle them."""

from collections.abc import Iterator

import pytest

from org_common.tools.database.local import LocalDatabase
from tests.org_common.db.conftest import furnished
from tests.support.jobs import Jobs, furnished_jobs


@pytest.fixture(scope="session")
def shared_jobs(database_template: LocalDatabase) -> Iterator[Jobs]:
    with furnished(database_template) as lab, furnished_jobs(lab) as jobs:
        yield jobs


@pytest.fixture
def jobs(shared_jobs: Jobs) -> Jobs:
    """No messages and no effects."""
    shared_jobs.clear()
    return shared_jobs
