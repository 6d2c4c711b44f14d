"""How long a soak takes: the short form rides with every test run, the long one is `nox -s soak`."""

import os
from typing import TypeVar

T = TypeVar("T")

LONG = os.environ.get("ORG_COMMON_SOAK") == "long"
# The same numbers each time, unless one is given.
SEED = int(os.environ.get("ORG_COMMON_SOAK_SEED", "20261123"))


def scaled(short: T, long: T) -> T:
    return long if LONG else short


# Of the server that a crowd comes to.
MAX_CONNECTIONS = scaled(30, 100)
