"""Metrics in CloudWatch's embedded metric format: numbers in the request's log line, and no calls to anywhere.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from threading import Lock
from typing import Any, Literal, get_args

import orjson

from org_common.lifecycle.fork import reset_in_child
from org_common.telemetry.invocation import current

TYPE_CHECKING = False

if TYPE_CHECKING:
    from org_common.telemetry.invocation import Measured

Unit = Literal[
    "None", "Count", "Percent", "Seconds", "Milliseconds", "Microseconds", "Count/Second",
    "Bytes", "Kilobytes", "Megabytes", "Gigabytes", "Terabytes",
    "Bits", "Kilobits", "Megabits", "Gigabits", "Terabits",
    "Bytes/Second", "Kilobytes/Second", "Megabytes/Second", "Gigabytes/Second", "Terabytes/Second",
    "Bits/Second", "Kilobits/Second", "Megabits/Second", "Gigabits/Second", "Terabits/Second",
]  # fmt: skip

# Limits of the format and of CloudWatch.
MAX_METRICS = 100
MAX_VALUES = 100
MAX_DIMENSIONS = 30
MAX_DIMENSION_LENGTH = 1024
MAX_VALUE = 1e108
# Of one line, so that it stays far below 256 KB.
MAX_VALUES_OF_LINE = 2000
# Of one metric until the next line takes them: who measures more often loses the rest, and is told.
MAX_KEPT = 1000

# Log fields begin with a small letter, so the two never meet.
NAME = r"[A-Z][A-Za-z0-9_.:/#-]{0,254}"
_UNITS = frozenset(get_args(Unit))
OWN = frozenset(
    {
        *("ColdStart", "InitDuration", "Duration", "ResponseBytes", "Faults", "MetricsDropped"),
        *("DatabaseRoundTrips", "DatabaseTime", "DatabaseWaits", "DatabaseRetries", "CommitsUnknown"),
        *("ConnectionsOpened", "ConnectionsDropped", "ConnectionsRefreshed", "BatchRecords", "BatchFailures"),
        *("SecretsFromAws", "SecretsFromEnvironment", "SecretsFromExtension", "SecretsFromMemory"),
        *("SecretsFailedAws", "SecretsFailedEnvironment", "SecretsFailedExtension"),
        *("SecretsRefreshed", "SecretsRetried", "SecretsStale"),
    }
)

Source = Callable[[], Mapping[str, float]]

_lock = Lock()
# What is counted outside of a request, or in a thread that does not know its request: the next line takes it.
_homeless: dict[str, Measured] = {}
_sources: list[tuple[Source, dict[str, float]]] = []
_checked: set[tuple[str, str]] = set()


def _renew_lock() -> None:
    global _lock  # noqa: PLW0603
    _lock = Lock()


reset_in_child(_renew_lock)


def count(name: str, value: float = 1) -> None:
    """Add to a number of this request: `count("OrdersPlaced")`. Its sum is one value of the metric.

    A name begins with a capital. `ValueError` when CloudWatch would not take it.
    """
    _check(name, "Count")
    _add(name, value)


def measure(name: str, value: float, unit: Unit = "None") -> None:
    """Note one value: `measure("ModelLatency", 812.5, "Milliseconds")`. Each value counts for itself.

    A value that is not finite is dropped, and `MetricsDropped` says so.
    """
    _check(name, unit)
    if not abs(value) <= MAX_VALUE:
        _add("MetricsDropped", 1)
        return
    with _lock:
        bag = _bag()
        known = bag.get(name)
        if known is None:
            bag[name] = (unit, [value])
        elif known[0] != unit or not isinstance(known[1], list):
            raise ValueError(f"the metric {name} is in {known[0]} already, and cannot be in {unit} as well")
        elif len(known[1]) < MAX_KEPT:
            known[1].append(value)
        else:
            _sum(bag, "MetricsDropped", 1)


def batch(records: int, failures: int) -> None:
    """Say how a batch of events went: BatchRecords and BatchFailures."""
    _add("BatchRecords", records)
    _add("BatchFailures", failures)


def collect(source: Source) -> None:
    """Report counters that grow for the life of the process, by their growth: names of metrics, and totals so far.

    `source` is called at the end of each request, and must be quick.
    """
    with _lock:
        _sources.append((source, dict(source())))


def taken(bag: dict[str, Measured]) -> dict[str, Measured]:
    """The metrics of a request and whatever else has come up since the last one."""
    if not (_homeless or _sources):
        return bag
    with _lock:
        homeless = dict(_homeless)
        _homeless.clear()
        for name, measured in homeless.items():
            _join(bag, name, measured)
        for source, seen in _sources:
            for name, total in source().items():
                grown = total - seen.get(name, 0)
                if grown > 0:
                    _join(bag, name, ("Count", grown))
                seen[name] = total
    return bag


class Embedder:
    """Puts metrics into log lines, under one namespace and one set of dimensions.

    Each combination of a metric and the values of its dimensions is a metric of its own, at its own price: a tenant or
    a user is a field of the line, never a dimension.
    """

    def __init__(self, namespace: str, dimensions: Mapping[str, str]) -> None:
        """`ValueError` for what CloudWatch would not take."""
        if not 0 < len(namespace) < 256 or namespace.startswith(":") or not namespace.isascii():
            raise ValueError(f"{namespace!r} is no namespace of CloudWatch: 1 to 255 ASCII characters, no colon first")
        if len(dimensions) > MAX_DIMENSIONS:
            raise ValueError(f"there are {len(dimensions)} dimensions, and {MAX_DIMENSIONS} are allowed")
        for name, value in dimensions.items():
            if not (value.strip() and len(value) <= MAX_DIMENSION_LENGTH and value.isascii()):
                raise ValueError(f"the dimension {name} is {value!r}, and 1 to 1024 ASCII characters are allowed")
        self._namespace = namespace
        self.dimensions = dict(dimensions)
        self._known: dict[tuple[str, ...], orjson.Fragment] = {}

    def embed(
        self,
        line: dict[str, Any],
        metrics: Mapping[str, Measured],
        at_ms: int,
        cold: Mapping[str, Measured] | None = None,
    ) -> list[dict[str, Any]]:
        """The line with its metrics; more lines when they are too many for one.

        `cold` are those of a cold start, with the line's field `init_type` as one more dimension.
        """
        first, *rest = _parts(metrics)
        lines = [self._embedded(line, first, at_ms, cold)]
        for part in rest:
            further = {name: line[name] for name in (*_FURTHER, *self.dimensions) if name in line}
            lines.append(self._embedded({**further, "message": "more metrics"}, part, at_ms, None))
        return lines

    def _embedded(
        self, line: dict[str, Any], metrics: Mapping[str, Measured], at_ms: int, cold: Mapping[str, Measured] | None
    ) -> dict[str, Any]:
        line |= self.dimensions
        for name, measured in metrics.items():
            line[name] = measured[1]
        if cold is None:
            directives = self._directives(metrics)
        else:
            for name, measured in cold.items():
                line[name] = measured[1]
            own, started = self._directive(metrics, ()), self._directive(cold, ("init_type",))
            directives = orjson.Fragment(orjson.dumps([own, started]))
        line["_aws"] = {"Timestamp": at_ms, "CloudWatchMetrics": directives}
        return line

    def _directives(self, metrics: Mapping[str, Measured]) -> orjson.Fragment:
        # A function has few combinations of them.
        key = (*metrics, *[measured[0] for measured in metrics.values()])
        known = self._known.get(key)
        if known is None:
            known = orjson.Fragment(orjson.dumps([self._directive(metrics, ())]))
            if len(self._known) < 200:
                self._known[key] = known
        return known

    def _directive(self, metrics: Mapping[str, Measured], further: tuple[str, ...]) -> dict[str, Any]:
        return {
            "Namespace": self._namespace,
            "Dimensions": [[*self.dimensions, *further]],
            "Metrics": [{"Name": name, "Unit": measured[0]} for name, measured in metrics.items()],
        }


_FURTHER = ("timestamp", "level", "message", "request_id", "lambda_request_id", "trace_id")


def _parts(metrics: Mapping[str, Measured]) -> Iterator[Mapping[str, Measured]]:
    """Metrics in parts that each have room in one line; nearly always one part."""
    if len(metrics) <= MAX_METRICS and not any(isinstance(value, list) for _, value in metrics.values()):
        yield metrics
        return
    part: dict[str, Measured] = {}
    room = MAX_VALUES_OF_LINE
    pieces = [(name, piece) for name, measured in metrics.items() for piece in _pieces(*measured)]
    for name, piece in pieces:
        size = len(piece[1]) if isinstance(piece[1], list) else 1
        if name in part or len(part) == MAX_METRICS or size > room:
            yield part
            part, room = {}, MAX_VALUES_OF_LINE
        part[name] = piece
        room -= size
    yield part


def _pieces(unit: str, value: float | list[float]) -> Iterator[Measured]:
    if not isinstance(value, list):
        yield unit, value
        return
    for at in range(0, len(value), MAX_VALUES):
        yield unit, value[at : at + MAX_VALUES]


def _check(name: str, unit: str) -> None:
    if (name, unit) in _checked:
        return
    if not re.fullmatch(NAME, name):
        raise ValueError(
            f"{name!r} is no name of a metric: a capital, then up to 254 letters, digits and _.:/#-, as in OrdersPlaced"
        )
    if name in OWN:
        raise ValueError(f"{name} is one of the SDK's own metrics: choose another name")
    if unit not in _UNITS:
        raise ValueError(f"{unit!r} is no unit of CloudWatch: take one of {', '.join(sorted(_UNITS))}")
    if len(_checked) < 1000:
        _checked.add((name, unit))


def _add(name: str, value: float) -> None:
    if not abs(value) <= MAX_VALUE:
        name, value = "MetricsDropped", 1
    with _lock:
        _sum(_bag(), name, value)


def _sum(bag: dict[str, Measured], name: str, value: float) -> None:
    known = bag.get(name)
    if known is None:
        bag[name] = ("Count", value)
    elif isinstance(known[1], list):
        raise ValueError(f"the metric {name} is measured already, and cannot be counted as well")
    else:
        bag[name] = ("Count", known[1] + value)


def _join(bag: dict[str, Measured], name: str, measured: Measured) -> None:
    """Into one metric with what the request has under this name, or dropped: the line must come out."""
    unit, value = measured
    known = bag.get(name)
    if known is None:
        bag[name] = measured
    elif known[0] != unit or isinstance(known[1], list) != isinstance(value, list):
        _sum(bag, "MetricsDropped", len(value) if isinstance(value, list) else 1)
    elif isinstance(known[1], list) and isinstance(value, list):
        bag[name] = (unit, [*known[1], *value])
    else:
        _sum(bag, name, value)  # type: ignore[arg-type]  # no list, as the other is none


def _bag() -> dict[str, Measured]:
    invocation = current.get()
    return _homeless if invocation is None else invocation.metrics
