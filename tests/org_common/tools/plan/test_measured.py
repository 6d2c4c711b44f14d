import json
from pathlib import Path

import pytest

from org_common.tools.plan import measured
from org_common.tools.project.project import ToolError

REPORT = (
    "REPORT RequestId: {n}\tDuration: {ms} ms\tBilled Duration: 1 ms\tMemory Size: {mb} MB\tMax Memory Used: 76 MB\t"
)


def test_times_of_report_lines(tmp_path: Path) -> None:
    file = tmp_path / "log"
    lines = [REPORT.format(n=n, ms=10 + n, mb=512) for n in range(11)]
    file.write_text(
        "\n".join([*lines, "something else", lines[0] + "Init Duration: 400 ms", "REPORT RequestId: broken"])
    )

    found = measured.of_reports(file)

    assert found.service is not None
    assert found.service.percentile(50) == pytest.approx(0.0145, rel=0.01)
    assert found.start is not None
    assert found.start.mean == pytest.approx(0.4)
    assert (found.restore, found.memory_mb) == (None, 512)
    assert found.source == f"12 REPORT lines of {file}"


def test_mixed_memory_sizes_are_for_tune(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_text("\n".join(REPORT.format(n=n, ms=10, mb=mb) for n, mb in enumerate((512, 512, 1024))))

    with pytest.raises(ToolError, match=r"mixes memory sizes \(2 of 512 MB, 1 of 1024 MB\)"):
        measured.of_reports(file)


def test_file_without_report_lines_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_bytes(b"\xff\x00START\n")

    with pytest.raises(ToolError, match="has no REPORT lines"):
        measured.of_reports(file)


def test_first_request_belongs_to_the_cold_start(tmp_path: Path) -> None:
    file = tmp_path / "coldstart.json"
    file.write_text(json.dumps({"init_s": [0.5, 0.7], "first_s": [0.12, 0.12], "warm_s": [0.02, 0.02, 0.02]}))

    found = measured.of_coldstart(file)

    assert found.service is not None
    assert found.start is not None
    assert (found.service.mean, found.start.mean) == pytest.approx((0.02, 0.7))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"init_s": [], "first_s": [], "warm_s": []}', '{"init_s": 1}'])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "coldstart.json"
    file.write_text(text)

    with pytest.raises(ToolError):
        measured.of_coldstart(file)
