"""A verifier for the issuers of the environment, and what Lambda's ways of starting do with its keys."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import snapshot_restore_py  # type: ignore[import-untyped]

from org_common.auth.tokens import Verifier
from org_common.config.issuers import Issuer
from org_common.config.settings import Settings
from org_common.lifecycle import startup
from tests.org_common.auth.keyserver import KeyServer, key_server

VARIABLE = '[{"url": "https://issuer.test", "audience": "https://api.test", "algorithms": ["ES256"]}]'
Restore = Callable[[], None]


@pytest.fixture
def keys() -> Iterator[KeyServer]:
    with key_server() as server:
        yield server


@pytest.fixture
def restore(monkeypatch: pytest.MonkeyPatch) -> Iterator[Restore]:
    """Lambda with SnapStart, in this process: the call restores a snapshot, with the hooks of this test alone."""
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")
    monkeypatch.setenv(startup.INITIALIZATION_TYPE, startup.SNAP_START)
    monkeypatch.setattr(startup, "_has_registered", False)
    monkeypatch.setattr(startup, "_reseeds", False)
    registered: list[Any] = snapshot_restore_py._after_restore_registry
    before = list(registered)

    def run() -> None:
        for hook, arguments, named in registered[len(before) :]:
            hook(*arguments, **named)

    yield run
    registered[:] = before


def issuer(server: KeyServer) -> Issuer:
    return Issuer("https://issuer.test", audience="api", algorithms=["ES256"], jwks_url=server.url, loopback_http=True)


def test_issuers_are_those_that_are_given_or_else_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings.from_env({"ORG_COMMON_ISSUERS": VARIABLE})
    monkeypatch.setenv("ORG_COMMON_ISSUERS", VARIABLE.replace("issuer.test", "environ.test"))

    other = Issuer("https://other.test", audience="api", algorithms=["ES256"])
    assert Verifier.of([other], settings).issuers == ("https://other.test",)
    assert Verifier.of(None, settings).issuers == ("https://issuer.test",)
    assert Verifier.of(None).issuers == ("https://environ.test",)
    # None at all is not the same as those of the environment.
    assert Verifier.of([], settings).issuers == ()


@pytest.mark.parametrize(("is_provisioned", "fetched"), [(True, 1), (False, 0)])
def test_keys_are_fetched_ahead_with_provisioned_concurrency(
    keys: KeyServer, is_provisioned: bool, fetched: int
) -> None:
    Verifier.of([issuer(keys)], Settings(is_provisioned=is_provisioned))

    assert keys.requests == fetched


def test_keys_are_fetched_after_each_restore_and_not_before_the_snapshot(keys: KeyServer, restore: Restore) -> None:
    random.seed(1)
    first = random.random()
    random.seed(1)

    Verifier.of([issuer(keys)], Settings())
    assert keys.requests == 0
    restore()

    assert keys.requests == 1
    # Two environments of one snapshot draw different numbers.
    assert random.random() != first


@pytest.mark.parametrize("kind", [startup.ON_DEMAND, startup.PROVISIONED])
def test_without_a_snapshot_nothing_is_registered(
    kind: str, keys: KeyServer, restore: Restore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(startup.INITIALIZATION_TYPE, kind)

    Verifier.of([issuer(keys)], Settings())
    restore()

    assert keys.requests == 0


def test_outside_of_lambda_nothing_is_registered(
    keys: KeyServer, restore: Restore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_LAMBDA_RUNTIME_API")

    Verifier.of([issuer(keys)], Settings())
    restore()

    assert keys.requests == 0
