"""How a connection is asked for; tests/faults asks servers that refuse."""

import time

import pytest
from psycopg.conninfo import conninfo_to_dict

from org_common.db.connect import ConnectFailed, Raw, conninfo
from org_common.db.retry import Signal

URL = "postgresql://app_login:secret@db.example.com:6432/app"


def test_a_silent_path_is_found_out_in_seconds() -> None:
    info = conninfo_to_dict(conninfo(URL, "access-orgs"))

    assert {name: info[name] for name in ("connect_timeout", "tcp_user_timeout", "keepalives_idle")} == {
        "connect_timeout": "2",
        "tcp_user_timeout": "2000",
        "keepalives_idle": "1",
    }


def test_the_function_is_named_where_it_shows_while_idle() -> None:
    assert conninfo_to_dict(conninfo(URL, "access-orgs"))["application_name"] == "access-orgs"


def test_poolers_are_sent_no_options() -> None:
    assert "options" not in conninfo_to_dict(conninfo(URL, "x"))


def test_whoever_answers_from_afar_must_prove_who_he_is() -> None:
    assert conninfo_to_dict(conninfo(URL, "x"))["sslmode"] == "verify-full"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_this_machine_needs_no_proof(host: str) -> None:
    assert "sslmode" not in conninfo_to_dict(conninfo(f"postgresql://app_login@{host}/app", "x"))


def test_what_the_url_says_wins() -> None:
    info = conninfo_to_dict(conninfo(URL + "?sslmode=require&connect_timeout=5", "x"))

    assert (info["sslmode"], info["connect_timeout"]) == ("require", "5")


def test_nobody_there_is_no_server_that_speaks() -> None:
    with pytest.raises(ConnectFailed) as caught:
        Raw.connect("host=127.0.0.1 port=1 user=nobody", until_s=time.monotonic() + 2)

    assert (caught.value.signal, caught.value.sqlstate) == (Signal.STARTING, None)


@pytest.mark.db
def test_a_refusal_has_the_server_s_own_code(postgres: str) -> None:
    info = conninfo(postgres.replace("postgres:", "postgres:not-"), "x")

    with pytest.raises(ConnectFailed) as caught:
        Raw.connect(info)

    assert (caught.value.signal, caught.value.sqlstate) == (Signal.PASSWORD, "28P01")
    assert "not-" not in str(caught.value)
