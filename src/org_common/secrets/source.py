"""Where a secret can come from, and what it means when it does not."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from org_common.secrets.counters import Counters
from org_common.values.secret import Reference, Secret

T = TypeVar("T")

# Waits between tries, in seconds, before the jitter: for what is beside us, and for a store that throttles a crowd.
NEAR_PAUSES_S = (0.03, 0.1, 0.25)
FAR_PAUSES_S = (0.05, 0.2, 0.5, 1.0)


class SecretError(Exception):
    """A secret cannot be had. The message names the reference, what each source said, and never the secret."""


class Refused(SecretError):
    """The source says no, and trying again is of no use: there is no such secret, or it is not ours to read."""


class Failed(SecretError):
    """The source did not answer, or not usefully. Another one may, or the same one later."""


class Source(Protocol):
    """One place to ask."""

    name: str

    def fetch(self, reference: Reference, deadline_s: float) -> Secret:
        """The whole secret, its key not yet picked; `Refused` or `Failed`. `deadline_s` is on the monotonic clock."""
        ...

    def forget(self) -> None:
        """Let go of connections: the process was forked, or is about to be frozen for good."""
        ...


def again(attempt: Callable[[], T], pauses_s: Sequence[float], counters: Counters, deadline_s: float) -> T:
    """The attempt's answer, tried again after each of the pauses while it is `Failed` and there is time."""
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
    """The seconds, off by up to the share of them, so that environments which began together do not stay together.

    From the kernel: the `random` of environments restored from one snapshot is the same in all of them.
    """
    return seconds * (1 + share * (int.from_bytes(os.urandom(2)) / 32768 - 1))


class Environment:
    """`env:NAME`, for a developer's own machine."""

    name = "environment"

    def fetch(self, reference: Reference, deadline_s: float) -> Secret:
        from org_common.config.settings_reader import ALLOW_PLAIN, in_lambda

        if in_lambda(os.environ) and os.environ.get(ALLOW_PLAIN) != "1":
            raise Refused(f"in Lambda an env: reference is plain text ({ALLOW_PLAIN}=1 takes it all the same)")
        found = Secret(os.environ.get(reference.id, ""))
        if not found:
            raise Refused("the variable is not set")
        return found

    def forget(self) -> None:
        pass
