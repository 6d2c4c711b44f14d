"""Lines that CloudWatch takes, whatever is counted."""

from __future__ import annotations

import json
import math
import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from org_common.telemetry import metrics
from org_common.telemetry.invocation import Invocation, current
from org_common.telemetry.metrics import MAX_PENDING, Embedder, merge_pending
from org_common.telemetry.trace_context import Trace
from tests.support import emf


@pytest.fixture
def invocation() -> Iterator[Invocation]:
    made = Invocation({}, Trace("1" * 32))
    token = current.set(made)
    yield made
    current.reset(token)


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    # Tests of other files have left some.
    sources = metrics._sources[:]
    metrics._sources.clear()
    yield
    metrics._sources[:] = sources
    metrics._pending.clear()


def lines(bag: dict[str, Any], **line: object) -> list[dict[str, Any]]:
    embedder = Embedder("shop", {"function": "orders"})
    made = embedder.embed({"message": "m", "request_id": "r-1", **line}, bag, 1_700_000_000_000)
    return [json.loads(orjson.dumps(each)) for each in made]


def test_line_holds_its_fields_and_its_metrics() -> None:
    [line] = lines({"Orders": ("Count", 3), "Latency": ("Milliseconds", [1.5, 2.5])})

    assert (line["message"], line["function"]) == ("m", "orders")
    assert emf.metrics(line) == {
        "Orders": ("Count", 3, ("function",)),
        "Latency": ("Milliseconds", [1.5, 2.5], ("function",)),
    }
    assert line["_aws"]["Timestamp"] == 1_700_000_000_000
    assert line["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "shop"


def test_cold_start_has_a_dimension_more() -> None:
    embedder = Embedder("shop", {"function": "orders"})

    [line] = embedder.embed(
        {"init_type": "on-demand"}, {"Duration": ("Milliseconds", 1.0)}, 1, {"ColdStart": ("Count", 1)}
    )

    assert emf.metrics(json.loads(orjson.dumps(line))) == {
        "Duration": ("Milliseconds", 1.0, ("function",)),
        "ColdStart": ("Count", 1, ("function", "init_type")),
    }


def test_counts_add_up_and_measures_stay_apart(invocation: Invocation) -> None:
    metrics.count("OrdersPlaced")
    metrics.count("OrdersPlaced", 2)
    metrics.measure("ModelLatency", 1.5, "Milliseconds")
    metrics.measure("ModelLatency", 2.5, "Milliseconds")
    metrics.batch(10, 3)

    assert invocation.metrics == {
        "OrdersPlaced": ("Count", 3),
        "ModelLatency": ("Milliseconds", [1.5, 2.5]),
        "BatchRecords": ("Count", 10),
        "BatchFailures": ("Count", 3),
    }


@pytest.mark.parametrize("name", ["", "orders", "Two words", "Ünlaut", "A" * 256, "_aws", "1st", "Line\n"])
def test_name_that_cloudwatch_or_a_field_would_clash_with_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is not a valid metric name"):
        metrics.count(name)


@pytest.mark.parametrize("name", sorted(metrics.OWN))
def test_name_of_the_sdk_s_own_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="choose another name"):
        metrics.measure(name, 1)


def test_unknown_unit_is_refused() -> None:
    with pytest.raises(ValueError, match="is not a CloudWatch unit"):
        metrics.measure("Latency", 1, "ms")  # type: ignore[arg-type]


def test_one_name_has_one_meaning(invocation: Invocation) -> None:
    metrics.measure("Latency", 1, "Seconds")
    metrics.count("Orders")

    with pytest.raises(ValueError, match="has the unit Seconds"):
        metrics.measure("Latency", 1, "Milliseconds")
    with pytest.raises(ValueError, match="was measured and cannot be counted too"):
        metrics.count("Latency")
    with pytest.raises(ValueError, match="has the unit Count"):
        metrics.measure("Orders", 1, "Count")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e200])
def test_value_that_cloudwatch_would_not_take_is_dropped_and_told(value: float, invocation: Invocation) -> None:
    metrics.measure("Latency", value)
    metrics.count("Orders", value)

    assert invocation.metrics == {"MetricsDropped": ("Count", 2)}


def test_too_many_values_are_dropped_and_told(invocation: Invocation) -> None:
    for at in range(MAX_PENDING + 5):
        metrics.measure("Latency", at)

    assert invocation.metrics["MetricsDropped"] == ("Count", 5)
    assert len(lines(invocation.metrics)) == MAX_PENDING // 100


def test_what_is_counted_outside_of_a_request_comes_with_the_next(invocation: Invocation) -> None:
    def elsewhere() -> None:
        metrics.count("Orders", 2)
        metrics.measure("Latency", 2.5)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    metrics.count("Orders")
    metrics.measure("Latency", 1.5)

    assert merge_pending(into=invocation.metrics) == {"Orders": ("Count", 3), "Latency": ("None", [1.5, 2.5])}
    assert merge_pending(into={}) == {}


def measured_twice() -> None:
    for seconds in (7.0, 8.0):
        metrics.measure("Jobs", seconds, "Seconds")


@pytest.mark.parametrize(
    ("outside", "within", "dropped"),
    [
        (lambda: metrics.count("Jobs", 3), lambda: metrics.measure("Jobs", 7.0, "Seconds"), 1),
        (measured_twice, lambda: metrics.count("Jobs"), 2),
        (lambda: metrics.measure("Jobs", 7.0, "Count"), lambda: metrics.count("Jobs"), 1),
        (lambda: metrics.measure("Jobs", 7.0, "Seconds"), lambda: metrics.measure("Jobs", 7.0, "Milliseconds"), 1),
    ],
    ids=["counted outside", "measured outside", "of one unit", "of two units"],
)
def test_what_clashes_with_what_was_counted_outside_is_dropped_and_told(
    outside: Callable[[], object], within: Callable[[], object], dropped: int, invocation: Invocation
) -> None:
    thread = threading.Thread(target=outside)
    thread.start()
    thread.join()
    within()
    own = dict(invocation.metrics)

    assert merge_pending(into=invocation.metrics) == {**own, "MetricsDropped": ("Count", dropped)}
    # And no other line is lost for it.
    assert merge_pending(into={}) == {}


def test_counter_of_others_that_clashes_is_dropped_and_told(invocation: Invocation) -> None:
    totals = {"Jobs": 0}
    metrics.collect(lambda: totals)
    totals["Jobs"] = 2
    metrics.measure("Jobs", 7.0)

    assert merge_pending(into=invocation.metrics)["MetricsDropped"] == ("Count", 1)
    assert merge_pending(into={}) == {}


def test_counters_of_others_are_reported_by_their_growth() -> None:
    totals = {"SecretsFetched": 5, "SecretsStale": 0}
    metrics.collect(lambda: totals)

    unchanged = merge_pending(into={})
    totals |= {"SecretsFetched": 7, "SecretsFailed": 1}
    grown = merge_pending(into={})

    assert unchanged == {}
    assert grown == {"SecretsFetched": ("Count", 2), "SecretsFailed": ("Count", 1)}
    assert merge_pending(into={}) == {}


def test_unit_is_that_of_the_request_and_not_of_one_before() -> None:
    embedder = Embedder("shop", {"function": "orders"})

    units = [
        emf.metrics(json.loads(orjson.dumps(embedder.embed({}, {"Latency": (unit, 1)}, 1)[0])))["Latency"][0]
        for unit in ("Seconds", "Milliseconds")
    ]

    assert units == ["Seconds", "Milliseconds"]


def test_many_metrics_are_spread_over_lines_that_name_their_request() -> None:
    bag = {f"Metric{at}": ("Count", at) for at in range(250)}

    made = lines(bag)

    found = [emf.metrics(line) for line in made]
    assert [len(each) for each in found] == [100, 100, 50]
    assert {line["request_id"] for line in made} == {"r-1"}
    assert {name: value for each in found for name, (_, value, _) in each.items()} == {
        name: value for name, (_, value) in bag.items()
    }


@pytest.mark.parametrize("namespace", ["", ":shop", "x" * 256, "ü"])
def test_wrong_namespace_is_refused(namespace: str) -> None:
    with pytest.raises(ValueError, match="is not a valid CloudWatch namespace"):
        Embedder(namespace, {})


@pytest.mark.parametrize("dimensions", [{"d": ""}, {"d": "x" * 1025}, {"d": "ü"}, {f"d{at}": "x" for at in range(31)}])
def test_wrong_dimensions_are_refused(dimensions: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="dimension"):
        Embedder("shop", dimensions)


_NUMBERS = st.integers(-(2**53), 2**53) | st.floats(-1e100, 1e100)
_MEASURED = st.tuples(st.sampled_from(sorted(metrics._UNITS)), _NUMBERS | st.lists(_NUMBERS, min_size=1, max_size=350))


@given(st.dictionaries(st.from_regex(metrics.NAME, fullmatch=True), _MEASURED, max_size=130))
def test_any_metrics_become_valid_lines_and_none_is_lost(bag: dict[str, Any]) -> None:
    made = lines(bag)

    seen: dict[str, list[float]] = {}
    for line in made:
        for name, (unit, value, _) in emf.metrics(line).items():
            assert unit == bag[name][0]
            seen.setdefault(name, []).extend(value if isinstance(value, list) else [value])
    assert seen == {name: value if isinstance(value, list) else [value] for name, (_, value) in bag.items()}


# From Python 3.12 on a fork with threads about is warned of: the child here does nothing that they could hold.
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_child_does_not_wait_for_a_thread_of_its_parent() -> None:
    with metrics._lock:
        child = os.fork()
        if child == 0:
            signal.alarm(10)
            try:
                metrics.count("Jobs")
                os._exit(0)
            finally:
                os._exit(2)
        assert os.waitpid(child, 0)[1] == 0
