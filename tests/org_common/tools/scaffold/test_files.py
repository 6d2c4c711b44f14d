from pathlib import Path

import pytest

from org_common.tools.scaffold.files import write
from org_common.tools.scaffold.names import ScaffoldError


def test_files_and_their_folders_are_written(tmp_path: Path) -> None:
    assert write(tmp_path / "new", {"a/b.py": "x = 1\n"}) == ["a/b.py"]
    assert (tmp_path / "new" / "a" / "b.py").read_text() == "x = 1\n"


def test_nothing_is_written_if_one_file_is_there(tmp_path: Path) -> None:
    (tmp_path / "b.py").write_text("mine")

    with pytest.raises(ScaffoldError, match=r"b\.py: already there.*--force"):
        write(tmp_path, {"a.py": "", "b.py": ""})

    assert [path.name for path in tmp_path.iterdir()] == ["b.py"]
    assert (tmp_path / "b.py").read_text() == "mine"


def test_force_overwrites(tmp_path: Path) -> None:
    (tmp_path / "b.py").write_text("mine")

    write(tmp_path, {"b.py": "new"}, force=True)

    assert (tmp_path / "b.py").read_text() == "new"


def test_file_in_place_of_a_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "src").touch()

    with pytest.raises(ScaffoldError, match=r"src is a file: the folder of src/a\.py must be there"):
        write(tmp_path, {"src/a.py": ""})
