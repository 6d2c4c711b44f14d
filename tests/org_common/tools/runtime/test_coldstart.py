import json
import random
import subprocess
import time
from pathlib import Path

import pytest

from org_common.tools.project.project import ToolError
from org_common.tools.runtime import coldstart
from org_common.tools.runtime.coldstart import Start
from tests.org_common.tools.runtime.conftest import MakeFunction

EVENT = {"version": "2.0"}
APP = "def app(event, context): return {'statusCode': 200}"


@pytest.mark.runtime
def test_start_is_measured_from_the_process_to_the_last_response(function: MakeFunction) -> None:
    took = coldstart.start(function("import time; time.sleep(0.2)\n" + APP), EVENT, warm=3)

    assert took.init_s >= 0.2
    assert took.to_first_answer_s == took.init_s + took.first_s
    assert len(took.warm_s) == 3


@pytest.mark.runtime
def test_warm_requests_wait_for_their_pauses(function: MakeFunction) -> None:
    pauses, began = random.Random(1), time.monotonic()

    took = coldstart.start(function(APP), EVENT, warm=5, pause_s=0.05)

    # The pauses are the same in each run.
    assert time.monotonic() - began > sum(pauses.expovariate(20) for _ in range(5))
    assert len(took.warm_s) == 5


@pytest.mark.runtime
def test_failing_function_is_reported_and_not_measured(function: MakeFunction) -> None:
    with pytest.raises(ToolError, match="no good"):
        coldstart.start(function("def app(event, context): raise ValueError('no good')"), EVENT)


@pytest.mark.runtime
def test_imports_are_those_of_the_function(function: MakeFunction) -> None:
    names = {each.name for root in coldstart.imports(function("import wave\n" + APP)) for _, each in root.walk()}

    # The handler itself is not in it: AWS's client imports it past what Python profiles.
    assert {"wave", "awslambdaric.bootstrap"} <= names


def test_variants_take_turns_after_one_start_each_that_does_not_count(function: MakeFunction) -> None:
    asked: list[str] = []
    functions = {name: function(APP, memory_mb=memory) for name, memory in (("a", 128), ("b", 256))}

    def start(function: object, event: object) -> Start:
        asked.append(next(name for name, each in functions.items() if each is function))
        return Start(1, 1, ())

    found = coldstart.run_interleaved(functions, EVENT, 2, start=start)

    assert "".join(asked) == "ababab"
    assert {name: len(starts) for name, starts in found.items()} == {"a": 2, "b": 2}


def test_figures_are_medians_and_percentiles() -> None:
    lines = coldstart.describe([Start(each / 10, 0.01, (0.001, 0.002)) for each in (1, 2, 9)])

    assert lines[0] == "init                     200.0 ms   (100.0 - 900.0, 3 starts)"
    assert "p50 2.00, p90 2.00, p99 2.00 ms (6 requests)" in lines[3]


def test_peak_memory_is_shown_where_it_was_measured() -> None:
    lines = coldstart.describe([Start(1, 0.01, (), peak) for peak in (40.0, 41.04, 50.0)])

    assert lines[-1] == "peak memory              41.0 MB   (40.0 - 50.0)"


def test_ratio_is_of_neighbours() -> None:
    ours, theirs = [Start(1, 0, ()), Start(2, 0, ())], [Start(2, 0, ()), Start(4, 0, ())]

    assert coldstart.compare(ours, theirs)[0] == "init                     0.500   (0.500 - 0.500)"


def test_cost_is_that_of_gigabyte_seconds() -> None:
    assert coldstart.cost(0.5, 1024, "x86_64") == pytest.approx(8.33, abs=0.01)
    assert coldstart.cost(0.5, 512, "arm64") == pytest.approx(3.33, abs=0.01)


def test_revision_is_checked_out_for_the_block(tmp_path: Path) -> None:
    inner = tmp_path / "repository" / "inner"
    inner.mkdir(parents=True)
    git = ["git", "-C", str(inner), "-c", "user.name=A", "-c", "user.email=a@b.test"]
    for text in ("old", "new"):
        (inner / "shop.py").write_text(text)
        for command in (["init", "-q"], ["add", "."], ["commit", "-qm", text]):
            subprocess.run([*git, *command], check=True, capture_output=True)

    with coldstart.revision(inner, "HEAD~1") as checkout:
        assert (checkout / "shop.py").read_text() == "old"

    assert not checkout.exists()
    listed = subprocess.run([*git, "worktree", "list"], check=True, capture_output=True, text=True).stdout
    assert len(listed.splitlines()) == 1


def test_unknown_revision_is_reported(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)

    with pytest.raises(ToolError, match="git worktree"), coldstart.revision(tmp_path, "no-such-revision"):
        pass


def test_measurements_as_json() -> None:
    starts = [Start(0.5, 0.1, (0.01, 0.02)), Start(0.6, 0.2, (0.03,))]

    assert json.loads(coldstart.dump(starts)) == {
        "init_s": [0.5, 0.6],
        "first_s": [0.1, 0.2],
        "warm_s": [0.01, 0.02, 0.03],
    }
