import re

import pytest

from cora_modules import demo
from cora_modules.access.orgs import app
from org_common.testing import ISSUER, Client, LocalDatabase, assert_round_trips

pytestmark = pytest.mark.db


@pytest.fixture
def alice(database: LocalDatabase) -> Client:
    demo.seed(database.admin_url, ISSUER)
    return Client(app, person="alice")


def test_expected_number_passes_and_shows_statements(alice: Client, database: LocalDatabase) -> None:
    with database.serve(app), assert_round_trips(1) as trips:
        assert alice.get(f"/orgs/{demo.ACME}").status == 200

    [[statement]] = trips.statements()
    assert (len(trips), statement.startswith("select ")) == (1, True)


def test_other_number_fails_and_shows_each_round_trip(alice: Client, database: LocalDatabase) -> None:
    expected = re.compile(
        r"expected 1 round trip to the database, got 2:\n1\. [\d.]+ ms, rule allowed: select .*\n2\. [\d.]+ ms"
    )

    with database.serve(app), pytest.raises(AssertionError, match=expected), assert_round_trips(1):
        alice.get(f"/orgs/{demo.ACME}")
        alice.get(f"/orgs/{demo.ACME}")


def test_block_without_a_round_trip_fails(database: LocalDatabase) -> None:
    with pytest.raises(AssertionError, match=r"expected 2 round trips to the database, got 0$"), assert_round_trips(2):
        pass


def test_error_of_the_block_comes_first(alice: Client) -> None:
    with pytest.raises(ZeroDivisionError), assert_round_trips(5):
        _ = 1 / 0
