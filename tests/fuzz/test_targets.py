"""Whatever comes in is answered. The long form is `nox -s fuzz`."""

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.targets import SEEDS, TARGETS, events

IS_LONG = os.environ.get("ORG_COMMON_FUZZ") == "long"
SECONDS = 600 if IS_LONG else 2


@pytest.mark.parametrize("target", TARGETS)
def test_seeds_are_answered(target: str) -> None:
    for seed in SEEDS[target]:
        TARGETS[target](seed)


@given(data=st.binary(min_size=2, max_size=2), value=st.binary(max_size=200))
def test_any_event_of_any_shape_is_answered(data: bytes, value: bytes) -> None:
    events(data + value)


@pytest.mark.skipif(sys.platform != "linux", reason="atheris is for Linux")
@pytest.mark.parametrize("target", TARGETS)
def test_nothing_that_atheris_finds_breaks_it(target: str) -> None:
    command = [sys.executable, "-m", "tests.fuzz.program", target, str(SECONDS)]

    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS + 120, check=False)

    assert done.returncode == 0, done.stderr[-4000:]
    if IS_LONG:
        print(target, [line for line in done.stderr.splitlines() if line.startswith("stat::number_of_executed_units")])
