import os
import zipfile
from pathlib import Path

import pytest

from org_common.tools.layer import archive


def filled(folder: Path, order: list[str]) -> Path:
    for name in order:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(name.encode() * 100)
    return folder


NAMES = ["b.py", "a/c.py", "a/lib.so", "a/libpq.so.5", "a/run.sh", "Z.py"]


def test_zip_knows_neither_dates_nor_modes_nor_order_of_files(tmp_path: Path) -> None:
    one = filled(tmp_path / "one", NAMES)
    other = filled(tmp_path / "other", NAMES[::-1])
    (other / "b.py").chmod(0o600)
    os.utime(other / "b.py", (1_700_000_000, 1_700_000_000))

    first, second = (
        archive.write(folder, tmp_path / f"{folder.name}.zip", prefix="python/") for folder in (one, other)
    )

    assert first == second
    assert archive.content(one) == archive.content(other)


def test_entries_are_sorted_from_1980_and_readable_by_all(tmp_path: Path) -> None:
    archive.write(filled(tmp_path / "one", NAMES), tmp_path / "one.zip")

    with zipfile.ZipFile(tmp_path / "one.zip") as made:
        entries = made.infolist()
    assert [entry.filename for entry in entries] == ["Z.py", "a/c.py", "a/lib.so", "a/libpq.so.5", "a/run.sh", "b.py"]
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert [oct(entry.external_attr >> 16) for entry in entries] == [
        *("0o100644", "0o100644", "0o100755", "0o100755", "0o100755", "0o100644")
    ]


def test_source_date_epoch_chooses_the_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")

    archive.write(filled(tmp_path / "one", ["a.py"]), tmp_path / "one.zip")

    with zipfile.ZipFile(tmp_path / "one.zip") as made:
        assert made.infolist()[0].date_time == (2023, 11, 14, 22, 13, 20)


def test_content_differs_when_a_byte_does(tmp_path: Path) -> None:
    folder = filled(tmp_path / "one", NAMES)
    before = archive.content(folder)

    (folder / "b.py").write_bytes(b"")

    assert archive.content(folder) != before
