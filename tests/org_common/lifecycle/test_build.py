import logging
import subprocess
import sys
from pathlib import Path

import pytest

import org_common
from org_common.lifecycle import build

SAME = {"runtime": ["0.1.0+a", "python3.13 arm64", "x"], "function": ["0.1.0+a", "python3.13 any", "y"]}


def test_checkout_is_no_layer() -> None:
    assert org_common.__build__ == "checkout"


def test_parts_of_one_line_belong_together() -> None:
    assert build.mismatch(SAME, "3.13") is None


def test_function_of_another_line_is_told_with_the_remedy() -> None:
    found = build.mismatch({**SAME, "function": ["0.1.0+b", "python3.13 any", "y"]}, "3.13")

    assert found is not None
    assert "runtime 0.1.0+a, function 0.1.0+b" in found
    assert "Publish the layer that was built with the function" in found


def test_layer_of_another_python_is_told() -> None:
    assert "the runtime was built for python3.13 arm64 but runs on Python 3.12" in str(build.mismatch(SAME, "3.12"))


def test_stamp_of_the_function_is_read_where_lambda_has_it(tmp_path: Path) -> None:
    (tmp_path / "org-common.function.build").write_text("0.1.0+a\npython3.13 any\ny\n")

    assert build.stamps({"LAMBDA_TASK_ROOT": str(tmp_path)}) == {"function": SAME["function"]}
    assert build.stamps({}) == {}


def test_difference_is_one_line_of_the_log(tmp_path: Path) -> None:
    (tmp_path / "task").mkdir()
    (tmp_path / "task" / build.STAMP.format("function")).write_text("0.1.0+b\npython3.13 any\ny\n")
    code = (
        "import logging; logging.basicConfig(format='%(levelname)s %(message)s')\n"
        "from org_common.lifecycle import build\n"
        "build._parts['runtime'] = ['0.1.0+a', 'python3.13 arm64', 'x']\n"
        "build.check()"
    )

    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"LAMBDA_TASK_ROOT": str(tmp_path / "task"), "PYTHONPATH": str(Path(org_common.__file__).parents[1])},
    )

    [line] = done.stderr.splitlines()
    assert line.startswith("WARNING function and layer were built from different lines")


def test_checkout_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        build.check()

    assert caplog.records == []
