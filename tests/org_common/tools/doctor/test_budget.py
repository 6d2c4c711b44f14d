"""The connection budget at full concurrency."""

from org_common.tools.doctor.budget import OTHERS, Demand, Pooler, Server, check, demands


def test_few_enough_get_in() -> None:
    assert list(check([Demand("orders", 40), Demand("users", 40)], Server(100), None)) == []


def test_directly_on_the_server_each_environment_counts() -> None:
    [finding] = check([Demand("orders", 1000), Demand("users", 10, connections=2)], Server(100), None)

    assert finding.id == "budget.exceeded"
    assert finding.reason == (
        "2 functions can open 1020 connections at once (orders 1000, users 20), but the server has room for 92: "
        f"100 max_connections - 3 reserved - {OTHERS} for other clients"
    )
    assert "92 environments" in finding.fix


def test_a_pooler_takes_the_crowd() -> None:
    assert list(check([Demand("orders", 1000)], Server(100), Pooler(max_clients=2000, pool_size=20))) == []


def test_a_pooler_can_be_too_small_and_too_big() -> None:
    small, big = check(
        [Demand("orders", 1000)], Server(100), Pooler(max_clients=100, pool_size=60, pools=2, reserve_size=5)
    )

    assert "the pooler accepts 100 clients" in small.reason
    assert "set max_client_conn to 1100" in small.fix
    assert "can open 130 connections, but the server has room for 92" in big.reason
    assert "set default_pool_size to 41" in big.fix


def test_without_a_reservation_functions_share_what_the_account_has_left() -> None:
    found, [finding] = demands({"orders": 50, "users": None, "mails": None}, 1000, {"users": 2})

    assert found == [Demand("orders", 50), Demand("functions without reserved concurrency (2)", 950, 2)]
    assert (finding.id, finding.subject) == ("budget.unknown", "mails, users")
    assert "950 environments, the unreserved part of the account's 1000" in finding.reason


def test_unknown_account_limit_is_reported_as_any_number() -> None:
    found, [finding] = demands({"users": None}, None, {})

    assert found == []
    assert "any number" in finding.reason


def test_all_reserved_is_a_budget() -> None:
    assert demands({"orders": 5}, 1000, {"orders": 2}) == ([Demand("orders", 5, 2)], [])
