from pathlib import Path

import pytest

from org_common.tools.project import uv


def test_uv_is_found_beside_this_python() -> None:
    assert Path(uv.program()).is_file()


def test_error_has_the_output_of_uv() -> None:
    with pytest.raises(uv.UvError, match="nothing-of-this-name"):
        uv.run(["install", "--nothing-of-this-name"])
