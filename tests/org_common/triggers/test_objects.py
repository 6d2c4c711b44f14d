import pytest

from org_common.events.s3 import S3Object
from org_common.triggers.objects import closest_name, matches, object_record


@pytest.mark.parametrize(
    ("physical", "found"),
    [
        ("ingest", "ingest"),
        ("prod-ingest", "ingest"),
        ("prod_ingest_eu", "ingest"),
        ("prod-big-ingest", "big-ingest"),
        ("big_ingest", "big-ingest"),
        ("reingest", None),
        ("ingest2", None),
        ("", None),
        ("-", None),
    ],
)
def test_closest_name(physical: str, found: str | None) -> None:
    assert closest_name(physical, ["ingest", "big-ingest"]) == found


@pytest.mark.parametrize(
    ("pattern", "event", "ok"),
    [
        ("ObjectCreated:*", "ObjectCreated:Put", True),
        ("ObjectCreated:Put", "ObjectCreated:Put", True),
        ("ObjectCreated:Put", "ObjectCreated:PutObject", False),
        ("ObjectCreated:*", "ObjectRemoved:Delete", False),
        ("*", "ObjectRemoved:Delete", True),
        ("", "ObjectRemoved:Delete", False),
    ],
)
def test_matches(pattern: str, event: str, ok: bool) -> None:
    assert matches([pattern], event) is ok


def test_each_change_of_an_object_is_claimed_of_its_own() -> None:
    changes = [
        S3Object("b", "k", "ObjectCreated:Put", sequencer="1"),
        S3Object("b", "k", "ObjectCreated:Put", sequencer="2"),
        S3Object("b", "k", "ObjectRemoved:Delete", sequencer="1"),
        S3Object("b", "k2", "ObjectCreated:Put", sequencer="1"),
        S3Object("b2", "k", "ObjectCreated:Put", sequencer="1"),
        S3Object("b", "k", "ObjectCreated:Put", sequencer="1", version_id="v"),
    ]

    claims = {object_record(each, "uploads").claim for each in changes}
    assert len(claims) == len(changes)
    assert object_record(changes[0], "other way").claim in claims
