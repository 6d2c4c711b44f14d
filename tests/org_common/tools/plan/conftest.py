from collections.abc import Callable
from typing import Any

import pytest

from org_common.tools.plan.distribution import Distribution
from org_common.tools.plan.traffic import steady
from org_common.tools.plan.workload import Workload

MakeWorkload = Callable[..., Workload]


@pytest.fixture
def workload() -> MakeWorkload:
    """A workload of an hour or two a day, with other values for some of its fields."""

    def make(rate: float = 5.0, hours: float = 2.0, burst: float = 1.0, **fields: Any) -> Workload:
        times = {
            "service": Distribution.lognormal(0.06, 0.3),
            "start": Distribution.lognormal(0.6, 0.9),
            "restore": Distribution.lognormal(0.25, 0.4),
        }
        return Workload(steady(rate, hours=hours, burst=burst), **{**times, **fields})

    return make
