"""The ways to run a function that are compared."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import numpy as np

from org_common.tools.plan import capacity as scaling
from org_common.tools.plan import containers, environments
from org_common.tools.plan.requests import Minutes, draw, is_exact, minutes
from org_common.tools.plan.result import Result
from org_common.tools.plan.workload import Workload

NAMES = (
    "on-demand",
    "snapstart",
    "provisioned, tracking",
    "provisioned, schedule",
    "managed-instances",
    "fargate",
)


def run(workload: Workload, names: Sequence[str] = NAMES) -> list[Result]:
    """The result of each way, for the same requests."""
    return [run_one(workload, name) for name in names]


def run_one(workload: Workload, name: str) -> Result:
    """The result of one way."""
    if name == "on-demand":
        return environments.on_demand(workload)
    if name == "snapstart":
        return environments.snapstart(workload)
    if name == "managed-instances":
        return containers.managed_instances(workload)
    if name == "fargate":
        return containers.fargate(workload)
    found = minutes(workload, draw(workload) if is_exact(workload) else None)
    least, most = bounds(workload, found)
    if name == "provisioned, tracking":
        tracking = scaling.Tracking(least, most, workload.utilization)
        capacity = scaling.settled(lambda busy: scaling.track(busy, tracking), found.mean)
    else:
        first = workload.traffic.start_s // 60
        capacity = scaling.schedule(
            found.peak, minimum=least, maximum=most, target=workload.utilization, start_minute=first
        )
    return environments.provisioned(workload, name, capacity)


def bounds(workload: Workload, found: Minutes) -> tuple[int, int]:
    """The least and the most provisioned environments: those of the workload, or chosen from its traffic."""
    if workload.provisioned is not None:
        return workload.provisioned
    least = ceil(float(np.median(found.mean)) / workload.utilization)
    most = ceil(float(found.peak.max()) / workload.utilization)
    return max(least, 1), max(least, most, 1)
