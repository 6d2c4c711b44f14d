from datetime import UTC, datetime

import pytest

from org_common.events.record import Record


@pytest.mark.parametrize(
    ("sent_ms", "at"),
    [
        (None, None),
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
        (1764504000123, datetime(2025, 11, 30, 12, 0, 0, 123000, tzinfo=UTC)),
    ],
)
def test_sent_at(sent_ms: int | None, at: datetime | None) -> None:
    assert Record("1", "ingest", "{}", sent_ms=sent_ms).sent_at == at


def test_claim_is_the_id_without_another() -> None:
    assert Record("1", "ingest", "{}").claim == "1"
    assert Record("1", "ingest", "{}", claim="2").claim == "2"
