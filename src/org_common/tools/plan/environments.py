"""Lambda: on demand, from a snapshot, and with provisioned concurrency."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from org_common.tools.plan import events, theory, ticks
from org_common.tools.plan.capacity import Ints
from org_common.tools.plan.distribution import Distribution, Floats
from org_common.tools.plan.requests import Minutes, Requests, before_s, draw, is_exact, minutes, peaks, retries
from org_common.tools.plan.result import EXACT, FORMULAS, TICKS, Result, Times
from org_common.tools.plan.retries import Offered, blocked, offered, tries
from org_common.tools.plan.workload import Workload

PERCENTS = (50, 95, 99)


@dataclass(frozen=True)
class Start:
    """How an environment starts."""

    option: str
    times: Distribution
    is_restore: bool = False


def on_demand(workload: Workload) -> Result:
    """Environments that are created when a request finds none."""
    return _without_provisioned(workload, Start("on-demand", workload.start))


def snapstart(workload: Workload) -> Result:
    """The same, restored from a snapshot of an initialized environment."""
    return _without_provisioned(workload, Start("snapstart", workload.restore, is_restore=True))


def provisioned(workload: Workload, option: str, capacity: Ints) -> Result:
    """Environments that are initialized ahead, as many in each minute as `capacity`; on demand above that."""
    if not is_exact(workload):
        return _provisioned_by_formulas(workload, option, capacity)
    drawn = draw(workload)
    starts = workload.start.sample(drawn.random, len(drawn.all_arrivals))
    pool = events.Pool(float(workload.idle_s), workload.account, provisioned=steps(capacity))
    served = serve(workload, drawn, starts, pool)
    starts = starts[drawn.warm :]
    ahead = served.outcome == events.PROVISIONED
    cold = served.outcome == events.COLD
    spilled = (served.outcome != events.THROTTLED) & ~ahead
    usage = _usage(workload, drawn.durations[spilled], starts[cold], None)
    usage["requests"] += float(ahead.sum())
    usage[f"provisioned_{workload.arch}"] = float(capacity.sum()) * 60 * workload.gb
    usage[f"provisioned_duration_{workload.arch}"] = billed(drawn.durations[ahead]) * workload.gb
    return _result(workload, option, drawn, served, usage, capacity.astype(np.float64))


def steps(capacity: Ints) -> events.Steps:
    """The times in seconds at which a capacity for each minute changes, and what it changes to.

    What it is at first, it was before.
    """
    where = np.flatnonzero(np.diff(capacity, prepend=-1))
    return [(float(minute) * 60.0 if minute else -np.inf, int(capacity[minute])) for minute in where]


def billed(durations: Floats) -> float:
    """Seconds, each time rounded up to a millisecond."""
    return float(np.ceil(durations * 1000 - 1e-9).sum()) / 1000


def billed_mean(times: Distribution) -> float:
    """The mean of billed seconds."""
    return billed(times.table) / len(times.table)


def warm(busy: Floats, idle_s: int) -> Floats:
    """The environments of each minute: the most that were busy at once, in it or in the idle time before."""
    kept = max(idle_s // 60, 0)
    found: Floats = np.lib.stride_tricks.sliding_window_view(np.pad(busy, (kept, 0)), kept + 1).max(axis=1)
    return found


def serve(workload: Workload, drawn: Requests, starts: Floats, pool: events.Pool) -> events.Served:
    """The drawn requests in a pool, with the retries of the workload."""
    again = retries(workload, drawn)
    return events.serve(drawn.all_arrivals, drawn.all_durations, starts, pool, warm=drawn.warm, retries=again)


def tried_again(drawn: Requests, served: events.Served) -> tuple[float, float]:
    """The attempts after a throttled one, of callers and of Lambda."""
    delivered = float((served.attempts * drawn.queued[drawn.warm :]).sum())
    return float(served.attempts.sum()) - delivered, delivered


def _without_provisioned(workload: Workload, start: Start) -> Result:
    if not is_exact(workload):
        return _in_ticks(workload, start)
    drawn = draw(workload)
    starts = start.times.sample(drawn.random, len(drawn.all_arrivals))
    pool = events.Pool(float(workload.idle_s), workload.account)
    served = serve(workload, drawn, starts, pool)
    starts = starts[drawn.warm :]
    cold = served.outcome == events.COLD
    usage = _usage(workload, drawn.durations[served.outcome != events.THROTTLED], starts[cold], start)
    return _result(workload, start.option, drawn, served, usage, None)


def _result(
    workload: Workload,
    option: str,
    drawn: Requests,
    served: events.Served,
    usage: dict[str, float],
    capacity: Floats | None,
) -> Result:
    accepted = served.outcome != events.THROTTLED
    latency, began = served.latency[accepted], (drawn.arrivals + served.waited)[accepted]
    taken = latency - served.waited[accepted]
    busy = peaks(began, taken, -(-workload.traffic.seconds // 60))
    ahead = 0 if capacity is None else int(capacity.max())
    return Result(
        option,
        EXACT,
        len(drawn.arrivals),
        Times(*np.percentile(latency, PERCENTS).tolist()) if len(latency) else Times(0.0, 0.0, 0.0),
        float((served.outcome == events.COLD).sum()),
        float((~accepted).sum()),
        float(taken.sum()) / workload.traffic.seconds,
        float(busy.max()),
        ahead + served.alive,
        usage,
        busy,
        warm(busy, workload.idle_s) if capacity is None else capacity,
        *tried_again(drawn, served),
    )


def _usage(workload: Workload, durations: Floats, starts: Floats, start: Start | None) -> dict[str, float]:
    usage = {"requests": float(len(durations)), f"duration_{workload.arch}": billed(durations) * workload.gb}
    if start is not None and start.is_restore:
        return usage | _snapshot(workload, len(starts))
    usage[f"init_{workload.arch}"] = billed(starts) * workload.gb
    return usage


def _snapshot(workload: Workload, restores: float) -> dict[str, float]:
    # One published version, kept for all of the time.
    return {"snapshot_cache": workload.traffic.seconds * workload.gb, "snapshot_restore": restores * workload.gb}


def _in_ticks(workload: Workload, start: Start) -> Result:
    expected = minutes(workload, None)
    places = np.full(len(expected.counts), float(workload.account))
    found = offered(expected.counts, workload.service.mean, places, workload.queued, workload.retries)
    volume = _volume(workload, start, expected.counts, found)
    # What short peaks throttle is served when it comes again.
    lost = 0.0 if workload.retries else volume.throttled * (1 - workload.queued)
    served = volume.requests - lost
    usage = {
        "requests": float(served),
        f"duration_{workload.arch}": served * billed_mean(workload.service) * workload.gb,
    }
    if start.is_restore:
        usage |= _snapshot(workload, volume.cold)
    else:
        usage[f"init_{workload.arch}"] = volume.cold * billed_mean(start.times) * workload.gb
    by_minute = np.arange(0, len(volume.peak), 60)
    busy = np.minimum(np.maximum.reduceat(volume.peak, by_minute), workload.account).astype(np.float64)
    alive = np.minimum(np.maximum.reduceat(volume.alive, by_minute), workload.account).astype(np.float64)
    return Result(
        start.option,
        TICKS,
        volume.requests + found.lost,
        mixed(workload, start.times, volume.cold, served - volume.cold),
        float(volume.cold),
        lost + found.lost,
        volume.busy_s / workload.traffic.seconds,
        float(busy.max()),
        int(alive.max()),
        usage,
        busy,
        alive,
        found.called,
        found.redelivered,
    )


def _volume(workload: Workload, start: Start, counts: Floats, found: Offered) -> ticks.Volume:
    """Simulate what is served in each minute; `counts` are the requests that come in it."""
    before, accepted = before_s(workload), workload.traffic.per_second()
    share = np.repeat(found.refused, 60)[: len(accepted)]
    served = np.minimum(found.accepted / np.maximum(counts, 1e-9), 1)
    accepted = accepted * np.repeat(served, 60)[: len(accepted)]
    # What waited for this minute, spread evenly.
    late = np.repeat(np.maximum(found.accepted - counts, 0) / 60, 60)[: len(accepted)]
    accepted += np.diff(np.rint(np.cumsum(late)), prepend=0)
    return ticks.simulate(
        np.concatenate([accepted[len(accepted) - before :], accepted]),
        workload.service,
        start.times,
        idle_s=workload.idle_s,
        random=np.random.default_rng(workload.seed),
        # Where the load alone meets the limit, Erlang's formula B throttles; elsewhere, what cold starts add may.
        limit=np.where(share > 1e-9, np.iinfo(np.int64).max, workload.account),
        poisson=workload.traffic.poisson,
        warm_s=before,
    )


def mixed(workload: Workload, start: Distribution, cold: float, warm: float) -> Times:
    """The times of warm requests and of cold ones, by their numbers."""
    random = np.random.default_rng(workload.seed)
    with_start = random.permutation(start.table) + workload.service.table
    return Times(*ticks.weighted_percentiles([(workload.service.table, warm), (with_start, cold)], PERCENTS))


def _provisioned_by_formulas(workload: Workload, option: str, capacity: Ints) -> Result:
    """In each minute, the requests that spill over are those that Erlang's formula B gives."""
    expected = minutes(workload, None)
    shares, peak, alive, cold = _spill(workload, expected, capacity)
    spilled = float((expected.counts * shares).sum())
    room = np.maximum(workload.account - capacity, 0)
    refused = np.where(peak > room, shares * (1 - room / np.maximum(peak, 1)), 0)
    calls, again = expected.counts * (1 - workload.queued), workload.retries
    throttled = float((calls * refused ** (again + 1)).sum())
    ahead, each = workload.traffic.requests - spilled, billed_mean(workload.service) * workload.gb
    usage = {
        "requests": ahead + spilled - throttled,
        f"duration_{workload.arch}": (spilled - throttled) * each,
        f"init_{workload.arch}": cold * billed_mean(workload.start) * workload.gb,
        f"provisioned_{workload.arch}": float(capacity.sum()) * 60 * workload.gb,
        f"provisioned_duration_{workload.arch}": ahead * each,
    }
    return Result(
        option,
        FORMULAS,
        workload.traffic.requests,
        mixed(workload, workload.start, cold, workload.traffic.requests - cold - throttled),
        cold,
        throttled,
        workload.load,
        float(expected.peak.max()),
        int((capacity + alive).max()),
        usage,
        expected.peak,
        capacity.astype(np.float64),
        float((calls * (tries(refused, again) - 1)).sum()),
        float((expected.counts * workload.queued * refused).sum()),
    )


def _spill(workload: Workload, expected: Minutes, capacity: Ints) -> tuple[Floats, Floats, Floats, float]:
    """For each minute the share that spills over, and the most of it in progress; the environments; cold starts."""
    length = len(capacity)
    shares, peak = np.empty(length), np.empty(length)
    for minute, (servers, load) in enumerate(zip(capacity.tolist(), expected.mean.round(6).tolist(), strict=True)):
        shares[minute] = blocked(servers, load) if load else 0.0
        spread = theory.overflow_variance(servers, load) ** 0.5 if load and shares[minute] > 1e-12 else 0.0
        most = load * shares[minute] + 4 * spread
        peak[minute] = min(np.ceil(most), expected.counts[minute] * shares[minute])
    alive = warm(peak, workload.idle_s)
    before = np.concatenate([[0.0], warm(peak, workload.idle_s - 60)[:-1]])
    return shares, peak, alive, float(np.maximum(peak - before, 0).sum())
