"""Formulas of queueing theory: what simulations are checked against, and what volumes are computed with."""

from __future__ import annotations

from math import exp, log


def erlang_b(servers: int, load: float) -> float:
    """The share of requests that find all servers busy and leave; `load` in Erlang, for any law of service times."""
    # The recursion; the form with factorials overflows at 2,000 servers.
    blocked = 1.0
    for k in range(1, servers + 1):
        blocked = load * blocked / (k + load * blocked)
    return blocked


def erlang_c(servers: int, load: float) -> float:
    """The share of requests that wait in M/M/c; 1 for an overloaded queue."""
    if load >= servers:
        return 1.0
    blocked = erlang_b(servers, load)
    return blocked / (1 - load / servers * (1 - blocked))


def mmc_wait(servers: int, rate: float, service: float) -> float:
    """The mean wait in M/M/c."""
    return erlang_c(servers, rate * service) / (servers / service - rate)


def mg1_wait(rate: float, mean: float, second_moment: float) -> float:
    """The mean wait in M/G/1 (Pollaczek-Khinchine)."""
    return rate * second_moment / (2 * (1 - rate * mean))


def mdc_wait(servers: int, rate: float, service: float) -> float:
    """The mean wait in M/D/c (Crommelin 1932), by the sum over Poisson tails."""
    load = rate * service
    total, i = 0.0, 1
    while True:
        term = _excess(i * servers, i * load) / i
        total += term
        if term < 1e-12 * max(total, 1e-300) or i > 100_000:
            return total / rate
        i += 1


def overflow_variance(servers: int, load: float) -> float:
    """The variance of the requests in progress that found all servers busy (Riordan)."""
    mean = load * erlang_b(servers, load)
    return mean * (1 - mean + load / (servers + 1 + mean - load))


def _excess(level: int, mean: float) -> float:
    """E[(X - level)+] of a Poisson X: the sum of its tails above the level."""
    probability = exp(level * log(mean) - mean - _log_factorial(level))
    total, k = 0.0, level
    while True:
        k += 1
        probability *= mean / k
        term = (k - level) * probability
        total += term
        if term < 1e-17 * max(total, 1e-300):
            return total


def _log_factorial(n: int) -> float:
    from math import lgamma

    return lgamma(n + 1)
