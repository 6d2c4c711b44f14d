import pytest
from pydantic import ValidationError

from cora_modules.mgmt.models.lambda_config import Change, Schedule, SyncResult, Window

WINDOW = Window(days=["mon"], start="08:00", end="18:00", provisioned=1)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"])
def test_iana_zone_is_known(zone: str) -> None:
    assert Schedule(timezone=zone, windows=[WINDOW]).timezone == zone


@pytest.mark.parametrize("zone", ["", "CEST2", "Europe", "europe/../Berlin", "/etc/passwd", "a\0b", "x" * 65])
def test_other_zone_is_refused(zone: str) -> None:
    with pytest.raises(ValidationError):
        Schedule(timezone=zone, windows=[WINDOW])


def test_result_records_failures_of_each_function_that_was_compared() -> None:
    changes = [Change(function="a", field="memoryMb", status="changed"), Change.missing("b")]
    result = SyncResult.of(changes, ["a", "b"], dry_run=False)

    assert (result.changed, result.failed) == ([changes[0]], [changes[1]])
    assert {name: len(failed) for name, failed in result.failures().items()} == {"a": 0, "b": 1}
    assert SyncResult.of(changes, ["a", "b"], dry_run=True).failures() == {}
