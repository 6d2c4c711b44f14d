"""The sources of secrets, and their errors."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from org_common.secrets.counters import SecretCounters
from org_common.values.secret import Reference, Secret

T = TypeVar("T")

# Pauses between attempts, in seconds, before jitter: for the local extension, and for AWS, which throttles.
EXTENSION_PAUSES_S = (0.03, 0.1, 0.25)
AWS_PAUSES_S = (0.05, 0.2, 0.5, 1.0)


class SecretError(Exception):
    """A secret cannot be fetched. The message has the reference and what each source reported, never the secret."""


class Refused(SecretError):
    """The source refused, and a retry will not help: there is no such secret, or the function may not read it."""


class Failed(SecretError):
    """The source gave no usable response. Another source may, or the same one later."""


class SecretSource(Protocol):
    """A place where secrets are stored or cached."""

    name: str
    """The name in metrics, spans and counters."""

    def serves(self, reference: Reference) -> bool:
        """False if the source cannot have this secret, so that it is not asked."""
        ...

    def fetch(self, reference: Reference, deadline_s: float) -> Secret:
        """The stored secret, before its key is selected; `Refused` or `Failed`. `deadline_s` is monotonic time."""
        ...

    def forget(self) -> None:
        """Drop connections: the process was forked, or a snapshot of it is about to be taken."""
        ...


def retry(attempt: Callable[[], T], pauses_s: Sequence[float], counters: SecretCounters, deadline_s: float) -> T:
    """Return what `attempt` returns. While it raises `Failed`, call it again after each pause, until `deadline_s`."""
    pauses = iter(pauses_s)
    while True:
        try:
            return attempt()
        except Failed:
            pause_s = jittered(next(pauses, math.inf), 0.6)
            if time.monotonic() + pause_s >= deadline_s:
                raise
        counters.retries += 1
        time.sleep(pause_s)


def jittered(seconds: float, share: float) -> float:
    """The seconds, plus or minus a random part up to `share` of them, so that environments do not act in lockstep.

    The kernel supplies the randomness: environments restored from one snapshot share the state of `random`.
    """
    return seconds * (1 + share * (int.from_bytes(os.urandom(2)) / 32768 - 1))


class EnvironmentSource:
    """Environment variables (`env:NAME`), for a developer's own machine."""

    name = "environment"

    def serves(self, reference: Reference) -> bool:
        """True for `env:NAME`."""
        return reference.service == "env"

    def fetch(self, reference: Reference, deadline_s: float) -> Secret:
        """The value of the variable; `Refused` if it is not set, and in Lambda, where it is plain text."""
        from org_common.config.settings_reader import ALLOW_PLAIN, in_lambda

        if in_lambda(os.environ) and os.environ.get(ALLOW_PLAIN) != "1":
            raise Refused(f"in Lambda an env: reference is plain text ({ALLOW_PLAIN}=1 accepts it)")
        secret = Secret(os.environ.get(reference.id, ""))
        if not secret:
            raise Refused("the variable is not set: set it, or refer to another secret")
        return secret

    def forget(self) -> None:
        """There are no connections."""
