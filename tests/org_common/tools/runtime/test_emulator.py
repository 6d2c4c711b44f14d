"""AWS's emulator itself is not part of any environment of ours; how it is found and read is."""

from pathlib import Path

import pytest

from org_common.tools.project.project import ToolError
from org_common.tools.runtime import emulator


def test_missing_emulator_is_reported_with_where_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ToolError, match="pip install aws-sam-cli"):
        emulator.program()


def test_emulator_on_the_path_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "aws-lambda-rie").touch(mode=0o755)

    assert emulator.program() == tmp_path / "aws-lambda-rie"


def test_init_is_read_from_the_line_that_reports_the_truth() -> None:
    text = "REPORT RequestId: 1\tInit Duration: 0.05 ms\tDuration: 380.11 ms\nINIT REPORT(durationMs: 352.9)\n"

    assert [float(each) for each in emulator.INIT.findall(text)] == [352.9]
