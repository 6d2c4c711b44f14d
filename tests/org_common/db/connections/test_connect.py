"""How a connection is asked for; tests/faults asks servers that refuse."""

import select
import socket
import time
from typing import Self

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from org_common.db.connections.connect import ConnectFailed, Raw, conninfo
from org_common.db.connections.retry import Signal
from tests.support.lab import Lab

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
        Raw.connect("host=127.0.0.1 port=1 user=nobody", deadline_s=time.monotonic() + 2)

    assert (caught.value.signal, caught.value.sqlstate) == (Signal.STARTING, None)


class Mute:
    """The kernel accepts; nobody else does."""

    def __init__(self, host: str, port: int = 0) -> None:
        self._listener = socket.create_server((host, port), backlog=0)
        self.port: int = self._listener.getsockname()[1]

    @property
    def was_asked(self) -> bool:
        return bool(select.select([self._listener], [], [], 0)[0])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._listener.close()


@pytest.mark.db
@pytest.mark.fault
@pytest.mark.parametrize("hosts", ["", "w.test,r.test"])
def test_an_address_that_says_nothing_leaves_time_for_the_next(postgres: str, hosts: str) -> None:
    good = conninfo_to_dict(postgres)
    with Mute("127.0.0.2", int(good["port"] or 0)):
        info = make_conninfo(postgres, host=hosts, hostaddr="127.0.0.2,127.0.0.1", sslmode="disable")
        with Raw.connect(info, deadline_s=time.monotonic() + 1) as raw:
            assert raw.pgconn.hostaddr == b"127.0.0.1"


@pytest.mark.db
@pytest.mark.fault
def test_a_name_with_a_dark_address_is_reached_by_the_other(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def both(host: str, port: None, type: int) -> list[tuple[object, ...]]:
        return [(None, None, None, "", (address, 0)) for address in ("127.0.0.2", "127.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    info = make_conninfo(postgres, host="db.test", sslmode="disable")
    with Mute("127.0.0.2", int(conninfo_to_dict(postgres)["port"] or 0)):
        Raw.connect(info, deadline_s=time.monotonic() + 1).close()


@pytest.mark.db
def test_a_server_that_only_reads_is_passed_over(own_lab: Lab) -> None:
    own_lab.configure("default_transaction_read_only", "on")
    port = conninfo_to_dict(own_lab.local.login_url)["port"]
    with Mute("127.0.0.1") as mute:
        info = make_conninfo(
            conninfo(own_lab.local.login_url, "x"), host="127.0.0.1,127.0.0.1", port=f"{port},{mute.port}"
        )
        with pytest.raises(ConnectFailed, match="read-only") as caught:
            Raw.connect(info, deadline_s=time.monotonic() + 0.4)
        assert mute.was_asked
    assert caught.value.signal is Signal.STARTING


@pytest.mark.parametrize("first", [1, 0])
def test_of_several_failures_that_which_may_pass_is_told(first: int) -> None:
    with Mute("127.0.0.1") as mute:
        ports = [1, mute.port][:: 1 if first else -1]
        info = f"host=127.0.0.1,127.0.0.1 port={ports[0]},{ports[1]} user=nobody"
        with pytest.raises(ConnectFailed) as caught:
            Raw.connect(info, deadline_s=time.monotonic() + 0.4)

    assert caught.value.signal is Signal.STARTING


@pytest.mark.parametrize("lists", ["host=a,b port=1,2,3", "host=a,b hostaddr=127.0.0.1"])
def test_lists_that_do_not_match_are_refused_in_libpqs_words(lists: str) -> None:
    with pytest.raises(ConnectFailed, match="could not match"):
        Raw.connect(lists)


@pytest.mark.db
def test_a_wrong_password_is_not_tried_at_the_next_host(postgres: str) -> None:
    port = conninfo_to_dict(postgres)["port"]
    wrong = make_conninfo(postgres, host="127.0.0.1,127.0.0.1", port=f"{port},1", password="not")

    with pytest.raises(ConnectFailed) as caught:
        Raw.connect(wrong)

    assert caught.value.signal is Signal.PASSWORD


@pytest.mark.db
def test_a_refusal_has_the_server_s_own_code(postgres: str) -> None:
    info = conninfo(postgres.replace("postgres:", "postgres:not-"), "x")

    with pytest.raises(ConnectFailed) as caught:
        Raw.connect(info)

    assert (caught.value.signal, caught.value.sqlstate) == (Signal.PASSWORD, "28P01")
    assert "not-" not in str(caught.value)
