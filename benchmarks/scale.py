"""`python benchmarks/scale.py PART …`: what `org-common plan` computes, against theory, simpy, and real processes.

`theory`: waits of ten million customers, within 2 % of the formulas. `volume`: a day at 10,000 requests a second.
`simpy`: six hours at 100 requests a second, and the same model on simpy, which `benchmarks/stacks/scale.txt` pins.
`replay`: requests through the Runtime API to real processes, and what was predicted. `lambdas`: the functions of this
repository under three kinds of traffic, on each option; it also draws docs/operations/planning.svg.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from itertools import accumulate
from pathlib import Path

import harness
import numpy as np
import scale_lambdas

from org_common.tools.plan import events, theory, ticks
from org_common.tools.plan.distribution import Distribution
from org_common.tools.plan.environments import on_demand
from org_common.tools.plan.measured import of_coldstart
from org_common.tools.plan.traffic import steady
from org_common.tools.plan.workload import Workload
from org_common.tools.runtime import coldstart
from org_common.tools.runtime.environment import Environment, Function

SERVICE, START = Distribution.lognormal(0.05, 0.2), Distribution.lognormal(0.6, 1.0)
CUSTOMERS, WARM_UP = 10_000_000, 200_000
HANDLER = "import time\ndef app(event, context):\n    time.sleep(event['s'])\n    return {'statusCode': 200}\n"
# Requests a second, and for how many seconds.
REPLAYED = ((1, 120), (10, 30), (100, 20))
# Warm requests that are measured at each rate. At one a second, they take as long as the replay.
MEASURED = {1: 120, 10: 300, 100: 400}
LOW_S, HIGH_S = 0.02, 0.06


def volume() -> None:
    """864 million arrivals, in ticks of a millisecond."""
    start = time.perf_counter()
    counted = ticks.simulate(np.full(86_400, 10_000.0), SERVICE, START, random=np.random.default_rng(1))
    took = time.perf_counter() - start
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"volume: {counted.requests:,} requests in {took:.1f} s (budget 60), at most {peak_mb:.0f} MB (budget 1000)")
    mean = counted.busy_s / 86_400
    print(f"  in progress {mean:.2f} in the mean, Little's law {10_000 * SERVICE.mean:.2f}, peak {counted.peak.max()}")
    print(f"  {counted.cold} cold starts, {counted.unsettled} parts unsettled")


def against_theory() -> None:
    """Waits within 2 %."""
    random = np.random.default_rng(1)
    constant, exponential = np.ones(CUSTOMERS), random.exponential(1.0, CUSTOMERS)
    lognormal = np.exp(random.normal(-0.32, 0.8, CUSTOMERS))
    for name, servers, rate, times, expected in (
        ("M/M/20", 20, 16.0, exponential, theory.mmc_wait(20, 16, 1)),
        ("M/G/1", 1, 0.6, lognormal, theory.mg1_wait(0.6, 1, float(np.exp(0.64)))),
        ("M/D/4", 4, 2.8, constant, theory.mdc_wait(4, 2.8, 1)),
    ):
        arrivals = np.cumsum(random.exponential(1 / rate, CUSTOMERS))
        wait = float(events.queue(arrivals, times, servers)[WARM_UP:].mean())
        print(f"{name}: wait {wait:.5f}, theory {expected:.5f}, {wait / expected - 1:+.2%} (budget 2 %)")
    arrivals = np.cumsum(random.exponential(1 / 45, CUSTOMERS))
    served = events.serve(arrivals, lognormal, lognormal, events.Pool(limit=10**9, provisioned=((0.0, 50),)))
    share, expected = float((served.outcome != events.PROVISIONED).mean()), theory.erlang_b(50, 45)
    print(f"spill-over: {share:.5f}, Erlang B {expected:.5f}, {share / expected - 1:+.2%} (budget 2 %)")


def against_simpy(hours: float = 6.0) -> None:
    """The same pool on demand: ticks, the exact loop, and processes of simpy."""
    try:
        import simpy  # noqa: F401
    except ModuleNotFoundError:
        sys.exit("simpy is missing: uv pip install -r benchmarks/stacks/scale.txt")
    traffic = steady(100, hours=24)
    seconds = int(hours * 3600)
    start = time.perf_counter()
    counted = ticks.simulate(traffic.per_second()[:seconds], SERVICE, START, random=np.random.default_rng(1))
    fast = time.perf_counter() - start
    random = np.random.default_rng(1)
    count = 100 * seconds
    arrivals = np.sort(random.random(count) * seconds)
    durations, starts = SERVICE.sample(random, count), START.sample(random, count)
    start = time.perf_counter()
    served = events.serve(arrivals, durations, starts, events.Pool())
    exact = time.perf_counter() - start
    start = time.perf_counter()
    cold = _on_simpy(arrivals.tolist(), durations.tolist(), starts.tolist())
    slow = time.perf_counter() - start
    print(f"simpy: {hours:g} h at 100 requests a second, {slow:.1f} s, {cold} cold starts")
    print(f"  ticks {fast:.1f} s = {fast / slow:.3f} of it (budget 0.1), {counted.cold} cold starts")
    print(
        f"  exact {exact:.1f} s = {exact / slow:.3f} of it (budget 0.1), {(served.outcome == events.COLD).sum()} again"
    )


def _on_simpy(arrivals: list[float], durations: list[float], starts: list[float], idle_s: float = 300.0) -> int:
    import simpy

    env = simpy.Environment()
    idle: list[float] = []
    cold = 0

    def request(duration: float, start: float) -> Iterator[object]:
        nonlocal cold
        while idle and idle[0] < env.now - idle_s:
            idle.pop(0)
        if idle:
            idle.pop()
        else:
            cold += 1
            yield env.timeout(start)
        yield env.timeout(duration)
        idle.append(env.now)

    def source() -> Iterator[object]:
        before = 0.0
        for at, duration, start in zip(arrivals, durations, starts, strict=True):
            yield env.timeout(at - before)
            before = at
            env.process(request(duration, start))

    env.process(source())
    env.run()
    return cold


def replay() -> None:
    """Measure cold starts and warm requests, predict, then send requests to real processes."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "sleeper.py").write_text(HANDLER)
        function = Function("sleeper.app", [Path(folder)])
        starts = [_start(function) for _ in range(8)]
        for rate, seconds in REPLAYED:
            file = Path(folder, f"{rate}.json")
            file.write_text(coldstart.dump([*starts, _start(function, MEASURED[rate], 1 / rate)]))
            measured = of_coldstart(file)
            assert measured.service is not None
            assert measured.start is not None
            took = np.array(_send(function, rate, seconds)) * 1000
            p50, p95 = np.percentile(took, [50, 95])
            predicted = _predict(measured.service, measured.start, rate, seconds)
            off = ", ".join(
                f"{name} {a:.1f} ms, predicted {b:.1f} ({b / a - 1:+.1%})"
                for name, a, b in (
                    ("p50", p50, predicted[0]),
                    ("p95", p95, predicted[1]),
                )
            )
            print(f"replay: {rate} requests a second for {seconds} s, {len(took)} requests: {off} (budget 10 %)")


def _sleeps(count: int, seed: int) -> list[float]:
    """Times from 20 to 60 ms at equal steps, in random order: a short run has no chance of its own."""
    return np.random.default_rng(seed).permutation(np.linspace(LOW_S, HIGH_S, count)).tolist()


def _start(function: Function, count: int = 0, pause_s: float = 0.0) -> coldstart.Start:
    """A start, and warm requests with random pauses of this mean, on the clock of the caller.

    After a pause of a second, a request of these takes 1.4 ms longer than one right after another: caches are cold.
    """
    pauses = np.random.default_rng(3).exponential(pause_s, count).tolist()
    with Environment(function) as environment:
        first = environment.invoke({"s": (LOW_S + HIGH_S) / 2}).took_s
        warm: list[float] = []
        for pause, sleep in zip(pauses, _sleeps(count, 4), strict=True):
            due = time.monotonic() + pause
            time.sleep(pause)
            thread = threading.Thread(target=environment.invoke, args=({"s": sleep},))
            thread.start()
            thread.join()
            warm.append(time.monotonic() - due)
        return coldstart.Start(environment.init_s, first, tuple(warm), environment.peak_mb())


def _predict(service: Distribution, start: Distribution, rate: int, seconds: int) -> tuple[float, float]:
    """The medians over simulations of the same length, in ms: a short run has its own chance."""
    found: list[list[float]] = []
    ready = _ready(rate)
    for seed in range(200):
        random = np.random.default_rng(seed)
        count = ready + rate * seconds
        # The environments that are there from the beginning have served something long ago.
        arrivals = np.concatenate([np.zeros(ready), 100 + np.cumsum(random.exponential(1 / rate, rate * seconds))])
        served = events.serve(arrivals, service.sample(random, count), start.sample(random, count), events.Pool())
        found.append(np.percentile(served.latency[ready:], [50, 95]).tolist())
    p50, p95 = np.median(found, axis=0) * 1000
    return float(p50), float(p95)


def _ready(rate: int) -> int:
    """The environments that are started one after the other before the first request.

    Two cores cannot start as many at once as Lambda, where each has its own: without them, a hundred requests a second
    would measure the queue for the processor.
    """
    return int(rate * HIGH_S) * 3


def _send(function: Function, rate: int, seconds: int) -> list[float]:
    """Send requests at their times, to the environment that became idle last or to a new one."""
    random = np.random.default_rng(2)
    gaps = random.exponential(1 / rate, rate * seconds).tolist()
    sleeps = _sleeps(len(gaps), 5)
    idle: list[Environment] = []
    every: list[Environment] = []
    took: list[float] = []
    lock = threading.Lock()

    def one(sleep: float, due: float) -> None:
        with lock:
            environment = idle.pop() if idle else None
        if environment is None:
            environment = Environment(function)
            environment.__enter__()
            with lock:
                every.append(environment)
        environment.invoke({"s": sleep})
        with lock:
            took.append(time.monotonic() - due)
            idle.append(environment)

    threads: list[threading.Thread] = []
    try:
        for _ in range(_ready(rate)):
            idle.append(Environment(function))
            idle[-1].__enter__()
            every.append(idle[-1])
        begin = time.monotonic()
        for at, sleep in zip(accumulate(gaps), sleeps, strict=True):
            time.sleep(max(0.0, begin + at - time.monotonic()))
            threads.append(threading.Thread(target=one, args=(sleep, begin + at)))
            threads[-1].start()
        for thread in threads:
            thread.join()
    finally:
        for environment in every:
            environment.__exit__(None, None, None)
    return took


def hour_of_each() -> None:
    """The plan of a small function: what a command takes."""
    start = time.perf_counter()
    result = on_demand(Workload(steady(4, hours=24), SERVICE, START, START))
    print(f"plan: {result.requests:,.0f} requests on demand in {time.perf_counter() - start:.2f} s, {result.method}")


PARTS: dict[str, Callable[[], None]] = {
    "theory": against_theory,
    "volume": volume,
    "simpy": against_simpy,
    "replay": replay,
    "plan": hour_of_each,
    "lambdas": scale_lambdas.main,
}


def main() -> None:
    harness.machine()
    for part in sys.argv[1:] or ["plan", "lambdas"]:
        if part not in PARTS:
            sys.exit(f"there is no part {part!r}. Parts: {', '.join(PARTS)}")
        PARTS[part]()


if __name__ == "__main__":
    main()
