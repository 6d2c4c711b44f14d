"""Servers that prove nothing: each is refused before it gets a password, and `sslmode=prefer` is not fallen back to."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest

from org_common.db.connections.connect import ConnectFailed, Raw, conninfo
from org_common.db.connections.retry import Signal
from tests.support.certificates import Authority
from tests.support.lab import Lab
from tests.support.pgbouncer import PgBouncer

pytestmark = [pytest.mark.db, pytest.mark.pooler]

HOST = "db.shop.test"
REFUSED = "(?i)certificate verify failed|certificate has expired|does not match host name|does not support SSL"


class Server(NamedTuple):
    """A server, and the bundle of authorities that the client trusts."""

    port: int
    trusted: Path


@contextmanager
def server(lab: Lab, fault: str) -> Iterator[Server]:
    local = urlsplit(lab.local.login_url)
    with ExitStack() as stack:
        # Not pytest's: PgBouncer is another user, and must get there.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)
        ours = Authority(folder, "ours")
        if fault == "without TLS":
            yield Server(local.port or 0, ours.file)
            return
        signer = Authority(folder, "other") if fault in ("another authority", "self-signed") else ours
        name = "evil.test" if fault == "another name" else ("*.test.evil" if fault == "another domain" else HOST)
        certificate, key = signer.vouch(name, expired=fault == "expired")
        if fault == "self-signed":
            certificate, key = signer.itself()
        settings = {"client_tls_sslmode": "require", "client_tls_cert_file": certificate, "client_tls_key_file": key}
        users = {"app_login": local.password or ""}
        given = {name: str(value) for name, value in settings.items()}
        pooler = stack.enter_context(PgBouncer.start(lab.local.login_url, users=users, settings=given))
        yield Server(pooler.port, ours.file)


@pytest.mark.parametrize(
    "fault", ["without TLS", "another authority", "self-signed", "another name", "another domain", "expired"]
)
def test_server_is_refused(fault: str, lab: Lab) -> None:
    there = urlsplit(lab.local.login_url)
    with server(lab, fault) as found:
        url = f"postgresql://app_login:{there.password}@{HOST}:{found.port}{there.path}?hostaddr=127.0.0.1"
        with pytest.raises(ConnectFailed, match=REFUSED) as caught:
            Raw.connect(conninfo(f"{url}&sslrootcert={found.trusted}", "x"), deadline_s=time.monotonic() + 2)
    assert (caught.value.signal, caught.value.is_final) == (Signal.UNTRUSTED, True)


def test_server_with_a_good_certificate_is_served(lab: Lab) -> None:
    there = urlsplit(lab.local.login_url)
    with server(lab, "none") as found:
        url = f"postgresql://app_login:{there.password}@{HOST}:{found.port}{there.path}?hostaddr=127.0.0.1"
        info = conninfo(f"{url}&sslrootcert={found.trusted}", "x")
        with Raw.connect(info, deadline_s=time.monotonic() + 2) as raw:
            assert raw.pgconn.ssl_in_use
