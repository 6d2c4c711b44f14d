"""Where requests share an environment: Lambda Managed Instances, and Fargate."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from org_common.tools.plan import capacity as scaling
from org_common.tools.plan import events, theory
from org_common.tools.plan.capacity import Ints
from org_common.tools.plan.distribution import Floats
from org_common.tools.plan.environments import PERCENTS, serve, steps, tried_again
from org_common.tools.plan.requests import draw, is_exact, minutes, peaks
from org_common.tools.plan.result import EXACT, FORMULAS, Result, Times
from org_common.tools.plan.retries import offered
from org_common.tools.plan.workload import Workload

# m7g.xlarge, whose price AWS's own example has.
INSTANCE_CPUS = 4
# Python's default on Managed Instances: processes for each vCPU.
PROCESSES = 16
# Above, requests that share a processor slow each other down.
CPU_TARGET = 0.8
TASK_CPUS, TASK_GB, MOST_THREADS, FEWEST_TASKS = 1.0, 2.0, 40, 2
SAMPLE = 200_000


@dataclass(frozen=True)
class _Outcome:
    latency: Floats
    lost: float
    requests: float
    busy: Floats
    method: str
    again: tuple[float, float] = (0.0, 0.0)
    """Attempts after a throttled one, of callers and of Lambda."""
    mean_s: float | None = None
    """The mean time of a request in its place, where latency has more than that."""


def slots(cpus: float, cpu_share: float, most: int) -> int:
    """The requests that may share processors."""
    return max(1, min(most, int(cpus * CPU_TARGET / max(cpu_share, 1e-3))))


def managed_instances(workload: Workload) -> Result:
    """EC2 instances that Lambda manages. What finds all processes busy is throttled; there are no cold starts."""
    each = slots(INSTANCE_CPUS, workload.cpu_share, PROCESSES * INSTANCE_CPUS)
    drawn = draw(workload) if is_exact(workload) else None
    expected = minutes(workload, drawn)
    instances = scaling.settled(lambda busy: scaling.managed(busy, slots=each), expected.mean)
    places = instances * each
    if drawn is None:
        tried = offered(
            expected.counts, workload.service.mean, places.astype(np.float64), workload.queued, workload.retries
        )
        again = tried.called, tried.redelivered
        found = _Outcome(workload.service.table, tried.lost, workload.traffic.requests, expected.peak, FORMULAS, again)
    else:
        pool = events.Pool(limit=0, provisioned=steps(places))
        starts = np.zeros(len(drawn.all_arrivals))
        served = serve(workload, drawn, starts, pool)
        ok = served.outcome == events.PROVISIONED
        busy = peaks((drawn.arrivals + served.waited)[ok], drawn.durations[ok], len(places))
        found = _Outcome(
            served.latency[ok],
            float((~ok).sum()),
            len(ok),
            busy,
            EXACT,
            tried_again(drawn, served),
            float(drawn.durations[ok].mean()) if ok.any() else 0.0,
        )
    hours = float(instances.sum()) / 60
    usage = {"requests": found.requests - found.lost, "instances": hours, "management": hours}
    return _result(workload, "managed-instances", found, places, usage)


def fargate(workload: Workload) -> Result:
    """Tasks behind a load balancer, with target tracking. Requests wait for a place; none start cold."""
    each = slots(TASK_CPUS, workload.cpu_share, MOST_THREADS)
    drawn = draw(workload) if is_exact(workload) else None
    expected = minutes(workload, drawn)
    most = max(int(np.ceil(expected.peak.max() / each / workload.utilization)) * 2, FEWEST_TASKS)
    tracking = scaling.Tracking(FEWEST_TASKS, most, workload.utilization, queues=True)
    tasks = scaling.settled(lambda busy: scaling.track(busy, tracking), expected.mean / each)
    places = tasks * each
    if drawn is None:
        wait, service = _waits(workload, expected.counts, places)
        found = _outcome(workload, wait, service, workload.traffic.requests, expected.peak, FORMULAS)
    else:
        wait = events.queue_with_steps(drawn.all_arrivals, drawn.all_durations, steps(places))[drawn.warm :]
        busy = np.minimum(peaks(drawn.arrivals, drawn.durations + wait, len(places)), places)
        found = _outcome(workload, wait, drawn.durations, len(wait), busy, EXACT)
    seconds = float(tasks.sum()) * 60
    usage = {
        f"fargate_cpu_{workload.arch}": seconds * TASK_CPUS,
        f"fargate_memory_{workload.arch}": seconds * TASK_GB,
    }
    return _result(workload, "fargate", found, places, usage)


def _outcome(workload: Workload, wait: Floats, service: Floats, requests: float, busy: Floats, method: str) -> _Outcome:
    latency = wait + service
    late = wait > workload.timeout_s
    return _Outcome(latency[~late], float(late.mean()) * requests if len(late) else 0.0, requests, busy, method)


def _result(workload: Workload, option: str, found: _Outcome, places: Ints, usage: dict[str, float]) -> Result:
    times = np.percentile(found.latency, PERCENTS).tolist() if len(found.latency) else [0.0, 0.0, 0.0]
    mean = found.mean_s
    if mean is None:
        mean = float(found.latency.mean()) if len(found.latency) else 0.0
    return Result(
        option,
        found.method,
        found.requests,
        Times(*times),
        0.0,
        found.lost,
        mean * (found.requests - found.lost) / workload.traffic.seconds,
        float(found.busy.max()),
        int(places.max()),
        usage,
        found.busy,
        places.astype(np.float64),
        *found.again,
    )


def _waits(workload: Workload, counts: Floats, places: Ints) -> tuple[Floats, Floats]:
    """Waits and service times of a sample of requests.

    In each minute, the queue is M/M/c with Allen and Cunneen's factor for other laws; an overload leaves a backlog of
    work, which the next minutes serve.
    """
    random = np.random.default_rng(workload.seed)
    mean, factor = workload.service.mean, (1 + workload.service.squared_variation) / 2
    backlog, chance, wait, base = 0.0, np.empty(len(counts)), np.empty(len(counts)), np.empty(len(counts))
    for minute, (count, servers) in enumerate(zip(counts.tolist(), places.tolist(), strict=True)):
        load = count / 60 * mean
        base[minute] = backlog / servers
        backlog = max(0.0, backlog + (load - servers) * 60)
        chance[minute] = 1.0 if backlog else _waiting(servers, round(load, 6))
        base[minute] = (base[minute] + backlog / servers) / 2
        wait[minute] = factor * mean / (servers - load) if load < servers else 0.0
    picked = random.choice(len(counts), SAMPLE, p=counts / counts.sum())
    waits = np.where(random.random(SAMPLE) < chance[picked], random.exponential(wait[picked]), 0.0)
    return waits + base[picked], workload.service.sample(random, SAMPLE)


@lru_cache(maxsize=100_000)
def _waiting(servers: int, load: float) -> float:
    return theory.erlang_c(servers, load)
