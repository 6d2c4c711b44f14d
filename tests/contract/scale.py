"""How many cases are sent: a few with every test run, more than ten thousand with `nox -s contract`."""

import os

LONG = os.environ.get("ORG_COMMON_CONTRACT") == "long"
CASES = 12_000 if LONG else 400
SEED = int(os.environ.get("ORG_COMMON_CONTRACT_SEED", "20261127"))
