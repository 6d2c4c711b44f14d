"""Prices, from a dated data file that you can replace for your region, and what usage costs with them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from math import inf
from pathlib import Path
from typing import Any

from org_common.tools.project.project import ToolError

# The month of AWS's price calculator.
MONTH_S = 730 * 3600


@dataclass(frozen=True)
class Line:
    """One line of a bill."""

    name: str
    quantity: float
    unit: str
    amount: float
    """Without rounding, in the currency of the prices."""
    source: str
    """Where the price comes from."""


@dataclass(frozen=True)
class Prices:
    """The prices of a region."""

    region: str
    currency: str
    read: str
    """The date on which they were read."""
    meters: Mapping[str, Mapping[str, Any]]
    sources: Mapping[str, str]

    @classmethod
    def load(cls, file: Path | None = None) -> Prices:
        """The prices that ship with the package. Those of a file, which has the same form, replace them by name."""
        default = json.loads(files("org_common.tools.plan").joinpath("prices.json").read_text(encoding="utf-8"))
        own = {} if file is None else _read(file)
        return cls(
            str(own.get("region", default["region"])),
            str(own.get("currency", default["currency"])),
            str(own.get("read", default["read"])),
            {**default["meters"], **own.get("meters", {})},
            {**default["sources"], **own.get("sources", {})},
        )

    def lines(self, usage: Mapping[str, float], *, free: bool = False) -> list[Line]:
        """The lines of a month for the usage of each meter. `free` subtracts what is free each month."""
        return [self._line(name, quantity, free=free) for name, quantity in usage.items() if quantity > 0]

    def unit(self, name: str) -> float:
        """The price of one unit, in the first tier."""
        return float(self.meters[name]["tiers"][0][1])

    def _line(self, name: str, quantity: float, *, free: bool) -> Line:
        meter = self.meters[name]
        rest = max(0.0, quantity - (meter.get("free", 0) if free else 0))
        amount, below = 0.0, 0.0
        for top, price in meter["tiers"]:
            upper = inf if top is None else top
            amount += max(0.0, min(rest, upper) - below) * price
            below = upper
        source = meter.get("source", "")
        return Line(meter["line"], quantity, meter["unit"], amount, self.sources.get(source, source))


def cents(lines: list[Line]) -> float:
    """The total of a bill, whose lines are rounded to cents."""
    return round(sum(round(line.amount, 2) for line in lines), 2)


def _read(file: Path) -> dict[str, Any]:
    try:
        document = json.loads(file.read_bytes())
        for name, meter in document.get("meters", {}).items():
            tiers = [(top is None or float(top), float(price)) for top, price in meter["tiers"]]
            if not tiers or meter["tiers"][-1][0] is not None or not all(price >= 0 for _, price in tiers):
                raise ToolError(f"{file}: the last of the tiers of {name} must be [null, PRICE]")
            if not {"line", "unit"} <= meter.keys():
                raise ToolError(f"{file}: {name} lacks line or unit")
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ToolError(f"{file} is not a file of prices like prices.json of org_common.tools.plan: {error}") from error
    return dict(document)
