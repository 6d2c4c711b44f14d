"""Metrics in CloudWatch's embedded metric format: numbers in the request's log line, without API calls.

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
# In one line, so that it stays far below 256 KB.
MAX_VALUES_OF_LINE = 2000
# Values of one metric until the next line; further values are dropped and counted in MetricsDropped.
MAX_PENDING = 1000

# Log fields begin with a lower-case letter, so that a metric and a field never have the same name.
NAME = r"[A-Z][A-Za-z0-9_.:/#-]{0,254}"
_UNITS = frozenset(get_args(Unit))
OWN = frozenset(
    {
        *("ColdStart", "InitDuration", "Duration", "ResponseBytes", "Faults", "MetricsDropped"),
        *("DatabaseRoundTrips", "DatabaseTime", "DatabaseWaits", "DatabaseRetries", "CommitsUnknown"),
        *("ConnectionsOpened", "ConnectionsDropped", "ConnectionsRefreshed", "BatchRecords", "BatchFailures"),
        *("OutboxDelivered", "OutboxLag", "OutboxParked", "OutboxRefused"),
        *("SecretsFromAws", "SecretsFromEnvironment", "SecretsFromExtension", "SecretsFromMemory"),
        *("SecretsFailedAws", "SecretsFailedEnvironment", "SecretsFailedExtension"),
        *("SecretsRefreshed", "SecretsRetried", "SecretsStale"),
        *("KeyFetches", "KeyFetchesFailed", "KeysAge", "StreamItems", "TimeToFirstByte"),
    }
)

CounterSource = Callable[[], Mapping[str, float]]

_lock = Lock()
# Metrics from outside of a request, or from a thread without its context: they go into the next line.
_pending: dict[str, Measured] = {}
_sources: list[tuple[CounterSource, dict[str, float]]] = []
_checked: set[tuple[str, str]] = set()


def _renew_lock() -> None:
    global _lock  # noqa: PLW0603
    _lock = Lock()


reset_in_child(_renew_lock)


def count(name: str, value: float = 1) -> None:
    """Add to a metric of this request: `count("OrdersPlaced")`. The sum is one value of the metric.

    A name begins with a capital letter. Raises `ValueError` for a name that CloudWatch does not accept.
    """
    _check(name, "Count")
    _add(name, value)


def measure(name: str, value: float, unit: Unit = "None") -> None:
    """Record a value: `measure("ModelLatency", 812.5, "Milliseconds")`. Each call is one value of the metric.

    A value that is not finite is dropped and counted in `MetricsDropped`. Raises `ValueError` for a name that
    CloudWatch does not accept, and for a second unit of one metric.
    """
    _check(name, unit)
    _measure(name, value, unit)


def _measure(name: str, value: float, unit: Unit) -> None:
    if not abs(value) <= MAX_VALUE:
        _add("MetricsDropped", 1)
        return
    with _lock:
        metrics = _current_metrics()
        metric = metrics.get(name)
        if metric is None:
            metrics[name] = (unit, [value])
        elif metric[0] != unit or not isinstance(metric[1], list):
            raise ValueError(f"the metric {name} has the unit {metric[0]} and cannot have {unit} too: use another name")
        elif len(metric[1]) < MAX_PENDING:
            metric[1].append(value)
        else:
            _sum(metrics, "MetricsDropped", 1)


def batch(records: int, failures: int) -> None:
    """Report the result of a batch of events: BatchRecords and BatchFailures."""
    _add("BatchRecords", records)
    _add("BatchFailures", failures)


def keys_fetched(age_s: float | None, *, failed: bool) -> None:
    """Report a fetch of an issuer's keys. `age_s` is the age of the keys in use after it, None without any."""
    _add("KeyFetches", 1)
    if failed:
        _add("KeyFetchesFailed", 1)
    if age_s is not None:
        _measure("KeysAge", round(age_s, 3), "Seconds")


def outbox_batch(delivered: int, refused: int, parked: int) -> None:
    """Report the result of a batch of the outbox relay: OutboxDelivered, OutboxRefused and OutboxParked."""
    for name, value in (("OutboxDelivered", delivered), ("OutboxRefused", refused), ("OutboxParked", parked)):
        _add(name, value)


def outbox_lag(seconds: float) -> None:
    """Report how long the oldest message of the outbox waits: one value of OutboxLag."""
    _measure("OutboxLag", seconds, "Seconds")


def collect(source: CounterSource) -> None:
    """Report the growth of counters that last for the life of the process.

    `source` returns the totals by metric name. It is called at the end of each request, and must be fast.
    """
    with _lock:
        _sources.append((source, dict(source())))


def merge_pending(*, into: dict[str, Measured]) -> dict[str, Measured]:
    """Add the metrics from outside of requests since the last call to those of a request, and return the latter."""
    if not (_pending or _sources):
        return into
    with _lock:
        pending = dict(_pending)
        _pending.clear()
        for name, measured in pending.items():
            _join(into, name, measured)
        for source, reported in _sources:
            for name, total in source().items():
                growth = total - reported.get(name, 0)
                if growth > 0:
                    _join(into, name, ("Count", growth))
                reported[name] = total
    return into


class Embedder:
    """Puts metrics into log lines, under one namespace and one set of dimensions.

    CloudWatch bills each combination of a metric and the values of its dimensions as one metric: a tenant or a user is
    a field of the line, never a dimension.
    """

    def __init__(self, namespace: str, dimensions: Mapping[str, str]) -> None:
        """Raises `ValueError` for a namespace or dimension that CloudWatch does not accept."""
        if not 0 < len(namespace) < 256 or namespace.startswith(":") or not namespace.isascii():
            raise ValueError(
                f"{namespace!r} is not a valid CloudWatch namespace: use 1 to 255 ASCII characters, no leading colon"
            )
        if len(dimensions) > MAX_DIMENSIONS:
            raise ValueError(f"too many dimensions: {len(dimensions)}, at most {MAX_DIMENSIONS} are allowed")
        for name, value in dimensions.items():
            if not (value.strip() and len(value) <= MAX_DIMENSION_LENGTH and value.isascii()):
                raise ValueError(f"the dimension {name} is {value!r}: use 1 to 1024 ASCII characters")
        self._namespace = namespace
        self.dimensions: dict[str, str] = dict(dimensions)
        self._cache: dict[tuple[str, ...], orjson.Fragment] = {}

    def embed(
        self,
        line: dict[str, Any],
        metrics: Mapping[str, Measured],
        at_ms: int,
        cold: Mapping[str, Measured] | None = None,
    ) -> list[dict[str, Any]]:
        """The line with its metrics, followed by more lines if there are too many metrics for one.

        `cold` has the metrics of a cold start, which get the line's field `init_type` as an additional dimension.
        """
        first, *rest = _parts(metrics)
        lines = [self._embedded(line, first, at_ms, cold)]
        for part in rest:
            repeated = {name: line[name] for name in (*_REPEATED, *self.dimensions) if name in line}
            lines.append(self._embedded({**repeated, "message": "more metrics"}, part, at_ms, None))
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
        # Cached, as a function has few combinations of metrics.
        key = (*metrics, *[measured[0] for measured in metrics.values()])
        directives = self._cache.get(key)
        if directives is None:
            directives = orjson.Fragment(orjson.dumps([self._directive(metrics, ())]))
            if len(self._cache) < 200:
                self._cache[key] = directives
        return directives

    def _directive(self, metrics: Mapping[str, Measured], more_dimensions: tuple[str, ...]) -> dict[str, Any]:
        return {
            "Namespace": self._namespace,
            "Dimensions": [[*self.dimensions, *more_dimensions]],
            "Metrics": [{"Name": name, "Unit": measured[0]} for name, measured in metrics.items()],
        }


_REPEATED = ("timestamp", "level", "message", "request_id", "lambda_request_id", "trace_id")


def _parts(metrics: Mapping[str, Measured]) -> Iterator[Mapping[str, Measured]]:
    """The metrics in parts that each fit in one line; nearly always one part."""
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
            f"{name!r} is not a valid metric name: use a capital letter, then up to 254 letters, digits and _.:/#-. "
            "Example: OrdersPlaced"
        )
    if name in OWN:
        raise ValueError(f"{name} is a metric of the SDK: choose another name")
    if unit not in _UNITS:
        raise ValueError(f"{unit!r} is not a CloudWatch unit: use one of {', '.join(sorted(_UNITS))}")
    if len(_checked) < 1000:
        _checked.add((name, unit))


def _add(name: str, value: float) -> None:
    if not abs(value) <= MAX_VALUE:
        name, value = "MetricsDropped", 1
    with _lock:
        _sum(_current_metrics(), name, value)


def _sum(metrics: dict[str, Measured], name: str, value: float) -> None:
    metric = metrics.get(name)
    if metric is None:
        metrics[name] = ("Count", value)
    elif isinstance(metric[1], list):
        raise ValueError(f"the metric {name} was measured and cannot be counted too: use another name")
    else:
        metrics[name] = ("Count", metric[1] + value)


def _join(metrics: dict[str, Measured], name: str, measured: Measured) -> None:
    """Add to the metric of this name. Values that do not fit it are dropped, as the line must be written."""
    unit, value = measured
    metric = metrics.get(name)
    if metric is None:
        metrics[name] = measured
    elif metric[0] != unit or isinstance(metric[1], list) != isinstance(value, list):
        _sum(metrics, "MetricsDropped", len(value) if isinstance(value, list) else 1)
    elif isinstance(metric[1], list) and isinstance(value, list):
        metrics[name] = (unit, [*metric[1], *value])
    else:
        _sum(metrics, name, value)  # type: ignore[arg-type]  # not a list, as the other is not one


def _current_metrics() -> dict[str, Measured]:
    invocation = current.get()
    return _pending if invocation is None else invocation.metrics
