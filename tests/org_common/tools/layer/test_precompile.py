import sys
from pathlib import Path

import pytest

from org_common.lifecycle import precompiled
from org_common.tools.layer import precompile
from org_common.tools.project.project import ToolError


def test_module_that_fails_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("raise ValueError('no such shop')\n")
    path = [tmp_path, *map(Path, filter(None, sys.path))]

    with pytest.raises(ToolError, match=r"cannot collect the texts(.|\n)*broken(.|\n)*no such shop"):
        precompile.write(tmp_path / precompiled.FILE, Path(sys.executable), path, ["broken"])


def test_module_that_cannot_be_imported_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "needs_more.py").write_text("print('hello')\nimport a_package_that_nobody_has\n")
    path = [tmp_path, *map(Path, filter(None, sys.path))]

    precompile.write(tmp_path / precompiled.FILE, Path(sys.executable), path, ["needs_more"])
    assert (tmp_path / precompiled.FILE).stat().st_size > 100_000
