"""What an app declares that it needs."""

import pytest

from org_common import PUBLIC, App, Needs


def test_an_app_carries_its_needs() -> None:
    needs = Needs(secrets=("prod/openai#key",), queues=["mails"], consumes=("ingest",), buckets=("docs",))

    assert App("kb-ingest", needs=needs).needs is needs
    assert App("small").needs is None
    assert repr(needs) == (
        "Needs(buckets=('docs',), consumes=('ingest',), queues=('mails',), secrets=('prod/openai#key',))"
    )


@pytest.mark.parametrize("name", ["secrets", "queues", "consumes", "buckets"])
def test_string_is_not_a_sequence_of_letters(name: str) -> None:
    with pytest.raises(
        TypeError, match=rf"Needs\({name}='mails'\) is a string, not a sequence of strings: write \('mails',\)"
    ):
        Needs(**{name: "mails"})


@pytest.mark.parametrize("action", ["invoke", "bedrock:", ":InvokeModel", "a:b:c"])
def test_invalid_action_is_rejected(action: str) -> None:
    with pytest.raises(TypeError, match="is not a valid action"):
        Needs(actions=(action,))


def test_a_route_knows_whether_it_needs_the_database() -> None:
    app = App("small")

    @app.get("/health", allow=PUBLIC)
    def health() -> dict[str, str]:
        return {}

    assert [route.needs_database for route in app.routes] == [False]
