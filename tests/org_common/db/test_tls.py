"""From afar only a server that proves who it is gets a password. Certificates and PgBouncer are real."""

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from org_common import SIGNED_IN, Deadline, Settings, Unavailable
from org_common.db.connections import connect
from org_common.db.connections.connect import ConnectFailed, Raw, conninfo
from org_common.db.connections.retry import Action, Phase, Signal, action
from org_common.db.database import Database
from tests.support.certificates import Authority
from tests.support.handles import OwnedReader, open_reader
from tests.support.lab import ALICE, Lab
from tests.support.pgbouncer import PgBouncer

pytestmark = [pytest.mark.db, pytest.mark.pooler]

HOST = "db.shop.test"


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    # Not pytest's: PgBouncer is another user, and must get there.
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="module")
def authority(folder: Path) -> Authority:
    return Authority(folder, "ours")


@pytest.fixture(scope="module")
def other(folder: Path) -> Authority:
    return Authority(folder, "other")


@pytest.fixture(scope="module")
def guarded(shared_lab: Lab, authority: Authority) -> Iterator[PgBouncer]:
    certificate, key = authority.vouch(HOST)
    settings = {"client_tls_sslmode": "require", "client_tls_cert_file": certificate, "client_tls_key_file": key}
    url = shared_lab.local.login_url
    users = {"app_login": urlsplit(url).password or ""}
    with PgBouncer.start(url, users=users, settings={name: str(value) for name, value in settings.items()}) as it:
        yield it


def url(lab: Lab, port: int, query: str = "", *, host: str = HOST) -> str:
    """As from afar: by a name, and past the resolver, which does not know it."""
    there = urlsplit(lab.local.login_url)
    return f"postgresql://app_login:{there.password}@{host}:{port}{there.path}?hostaddr=127.0.0.1{query}"


def refused(url: str) -> ConnectFailed:
    with pytest.raises(ConnectFailed) as caught:
        Raw.connect(conninfo(url, "x"), deadline_s=time.monotonic() + 2)
    return caught.value


def test_request_goes_to_a_server_that_proves_its_name(lab: Lab, guarded: PgBouncer, authority: Authority) -> None:
    database = Database(Settings(database_url=url(lab, guarded.port, f"&sslrootcert={authority.file}")))
    try:
        assert reader(database).value("select current_user::text") == "authenticated"
    finally:
        database.close()


def test_connection_is_encrypted(lab: Lab, guarded: PgBouncer, authority: Authority) -> None:
    info = conninfo(url(lab, guarded.port, f"&sslrootcert={authority.file}"), "x")

    with Raw.connect(info, deadline_s=time.monotonic() + 2) as raw:
        assert raw.pgconn.ssl_in_use


def test_authorities_of_the_system_are_trusted_where_nobody_says_which(
    lab: Lab, guarded: PgBouncer, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connect, "AUTHORITIES", ("/nowhere/ca.crt", str(authority.file)))

    with Raw.connect(conninfo(url(lab, guarded.port), "x"), deadline_s=time.monotonic() + 2) as raw:
        assert raw.pgconn.ssl_in_use


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ("another authority", "certificate verify failed"),
        ("another name", 'certificate for "db.shop.test" does not match host name "evil.test"'),
        ("no such file", "root certificate file"),
        ("no TLS", "does not support SSL"),
    ],
)
def test_server_that_proves_nothing_is_refused_and_not_tried_again(
    changed: str, said: str, lab: Lab, guarded: PgBouncer, authority: Authority, other: Authority
) -> None:
    ours = f"&sslrootcert={authority.file}"
    port = urlsplit(lab.local.login_url).port
    assert port is not None
    to = {
        "another authority": url(lab, guarded.port, f"&sslrootcert={other.file}"),
        "another name": url(lab, guarded.port, ours, host="evil.test"),
        "no such file": url(lab, guarded.port, "&sslrootcert=/nowhere/ca.crt"),
        "no TLS": url(lab, port, ours),
    }[changed]

    failed = refused(to)

    assert said in str(failed)
    assert (failed.signal, failed.is_final) == (Signal.UNTRUSTED, True)
    assert action(failed.signal, Phase.CONNECT) is Action.UNAVAILABLE


def test_caller_is_told_503_at_once_and_the_log_why(
    lab: Lab, guarded: PgBouncer, other: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[str] = []
    opened = connect._start

    def watched(info: str, *rest: Any) -> Any:
        tries.append(info)
        return opened(info, *rest)

    monkeypatch.setattr(connect, "_start", watched)
    database = Database(Settings(database_url=url(lab, guarded.port, f"&sslrootcert={other.file}")))

    with pytest.raises(Unavailable) as caught:
        reader(database).value("select 1")

    assert len(tries) == 1
    assert "certificate verify failed" in str(caught.value.__cause__)
    assert (urlsplit(lab.local.login_url).password or "?") not in repr(caught.value.__cause__)
    database.close()


@pytest.mark.parametrize("given", ["URL", "variable", "file", "weaker"])
def test_authorities_that_somebody_named_are_left_alone(
    given: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(connect, "AUTHORITIES", (os.devnull,))
    monkeypatch.setenv("HOME", str(tmp_path))
    query = {"URL": "?sslrootcert=/opt/rds.pem", "weaker": "?sslmode=require"}.get(given, "")
    if given == "variable":
        monkeypatch.setenv("PGSSLROOTCERT", "/opt/rds.pem")
    if given == "file":
        tmp_path.joinpath(".postgresql").mkdir()
        tmp_path.joinpath(".postgresql", "root.crt").touch()

    info = conninfo(f"postgresql://app_login@{HOST}/app{query}", "x")

    assert os.devnull not in info


def reader(database: Database) -> OwnedReader:
    return open_reader(database, SIGNED_IN, ALICE, {}, Deadline.after(5))
