"""Distributions of service and start times, as tables of quantiles that are quick to sample from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from org_common.tools.project.project import ToolError

Floats = NDArray[np.float64]
# One quantile for each value of 16 random bits. The means of tables are within 0.1 % of their distributions'.
SIZE = 1 << 16


@dataclass(frozen=True)
class Distribution:
    """A distribution of times."""

    table: Floats
    """Its quantiles in seconds at equal steps, ascending."""

    @classmethod
    def constant(cls, seconds: float) -> Distribution:
        """Always the same time."""
        return cls(np.full(SIZE, float(seconds)))

    @classmethod
    def exponential(cls, mean: float) -> Distribution:
        """Exponential, with this mean in seconds."""
        return cls(-mean * np.log1p(-_shares()))

    @classmethod
    def lognormal(cls, p50: float, p95: float) -> Distribution:
        """Log-normal, through these two percentiles in seconds: the usual shape of request times."""
        if not 0 < p50 <= p95:
            raise ToolError(f"p50 must be above 0 and at most p95, not {p50:g} and {p95:g}")
        return cls(p50 * np.exp(_normal() * (np.log(p95 / p50) / NormalDist().inv_cdf(0.95))))

    @classmethod
    def of(cls, seconds: Sequence[float] | Floats) -> Distribution:
        """The distribution of measured times; between two of them it is linear."""
        measured = np.asarray(seconds, dtype=np.float64)
        if not measured.size or not np.isfinite(measured).all() or (measured < 0).any():
            raise ToolError("measured times must be finite numbers of at least 0, one or more")
        return cls(np.quantile(measured, _shares()))

    @property
    def mean(self) -> float:
        """Seconds."""
        return float(self.table.mean())

    @property
    def squared_variation(self) -> float:
        """The variance over the squared mean: 0 for a constant, 1 for an exponential."""
        return float(self.table.var() / self.table.mean() ** 2) if self.mean else 0.0

    def percentile(self, percent: float) -> float:
        """Seconds."""
        return float(np.quantile(self.table, percent / 100))

    def sample(self, random: np.random.Generator, count: int) -> Floats:
        """Independent times in seconds."""
        return self.table[random.integers(0, SIZE, count, dtype=np.uint16)]

    def scaled(self, factor: float) -> Distribution:
        """Each time multiplied."""
        return Distribution(self.table * factor)


def _shares() -> Floats:
    return (np.arange(SIZE) + 0.5) / SIZE


@cache
def _normal() -> Floats:
    law = NormalDist()
    return np.array([law.inv_cdf(float(share)) for share in _shares()])
