import pytest

from org_common.events.schedule import is_tick, schedule_names


@pytest.mark.parametrize(
    ("event", "is_one"),
    [
        ({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}, True),
        ({"source": "aws.scheduler", "detail-type": "Scheduled Event", "detail": "{}"}, True),
        ({"source": "shop", "detail-type": "Scheduled Event", "detail": {}}, False),
        ({"source": "aws.events", "detail-type": "Other", "detail": {}}, False),
        ({"source": "aws.events", "detail-type": "Scheduled Event"}, False),
        ({}, False),
    ],
)
def test_is_tick(event: dict[str, object], is_one: bool) -> None:
    assert is_tick(event) is is_one


def test_names() -> None:
    arn = "arn:aws:scheduler:eu-central-1:123456789012:schedule/default/purge"

    assert schedule_names({"resources": [arn, 1, None]}) == ["purge"]
    assert schedule_names({"resources": "text", "schedule": "report"}) == ["report"]
    assert schedule_names({}) == []
