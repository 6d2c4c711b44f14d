"""The counters of secrets, by name."""

from org_common.secrets.aws import Aws
from org_common.secrets.counters import SecretCounters
from org_common.secrets.extension import Extension
from org_common.secrets.source import EnvironmentSource
from org_common.telemetry.metrics import OWN


def test_metrics_name_the_source() -> None:
    counters = SecretCounters()
    counters.fetched["extension"] += 2
    counters.failed["aws"] += 1
    counters.hits += 7

    assert counters.as_metrics() == {
        "SecretsFromExtension": 2,
        "SecretsFailedAws": 1,
        "SecretsFromMemory": 7,
        "SecretsStale": 0,
        "SecretsRefreshed": 0,
        "SecretsRetried": 0,
    }


def test_source_that_is_counted_meanwhile_is_no_harm() -> None:
    counters = SecretCounters()

    class Meanwhile(str):
        """Another thread's turn."""

        __slots__ = ()

        def capitalize(self) -> str:
            counters.fetched["extension"] += 1
            counters.failed["extension"] += 1
            return "Aws"

    counters.fetched[Meanwhile("aws")] = counters.failed[Meanwhile("aws")] = 1

    assert counters.as_metrics()["SecretsFromAws"] == 1


def test_no_program_can_count_under_their_names() -> None:
    counters = SecretCounters()
    for source in (Extension, Aws, EnvironmentSource):
        counters.fetched[source.name] += 1
        counters.failed[source.name] += 1

    assert counters.as_metrics().keys() == {name for name in OWN if name.startswith("Secrets")}


def test_all_counters_are_there_by_name() -> None:
    counters = SecretCounters()
    counters.fetched["extension"] += 2
    counters.stale += 1

    assert counters.as_dict() == {
        "failed": {},
        "fetched": {"extension": 2},
        "hits": 0,
        "refreshed": 0,
        "retries": 0,
        "stale": 1,
        "waits": 0,
    }
