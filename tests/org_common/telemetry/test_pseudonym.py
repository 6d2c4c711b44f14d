"""A user's name in log lines: the same each time, and nobody's address."""

import psycopg
import pytest

from org_common.telemetry.pseudonym import pseudonym


def test_is_the_same_for_the_same_user_and_another_for_others() -> None:
    alice = pseudonym("https://issuer.test", "alice@example.com")

    assert alice == pseudonym("https://issuer.test", "alice@example.com")
    assert len(alice) == 16
    others = [("https://issuer.test", "bob"), ("https://other.test", "alice@example.com"), ("https://issuer.tes", "t")]
    assert len({alice, *[pseudonym(*who) for who in others]}) == 4


@pytest.mark.db
def test_postgresql_computes_the_same(postgres: str) -> None:
    query = "select encode(substring(sha256(convert_to(%s || e'\\n' || %s, 'UTF8')) from 1 for 8), 'hex')"

    with psycopg.connect(postgres) as connection:
        [computed] = connection.execute(query, ["https://issuer.test", "älice"]).fetchone() or [None]

    assert computed == pseudonym("https://issuer.test", "älice")
