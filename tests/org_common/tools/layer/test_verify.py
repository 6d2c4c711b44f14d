import re
import shutil
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from org_common.tools.layer import archive, verify
from org_common.tools.layer.functions import Function
from org_common.tools.layer.targets import Target
from org_common.tools.project.project import ToolError
from org_common.tools.runtime.api import EnvironmentFailed
from org_common.tools.runtime.environment import Environment
from tests.org_common.tools.layer.conftest import Whole

pytestmark = [pytest.mark.runtime, pytest.mark.wheel]


def rewritten(file: Path, folder: Path, change: str) -> Path:
    """The zip with its byte code changed: taken out, or of the kind that asks for its source's date."""
    shutil.unpack_archive(file, folder / "in", "zip")
    for path in (folder / "in").rglob("*.pyc"):
        if change == "no byte code":
            path.unlink()
        else:
            path.write_bytes(path.read_bytes()[:4] + bytes(12) + path.read_bytes()[16:])
    archive.write(folder / "in", folder / file.name)
    return folder / file.name


def test_every_function_responds_from_a_read_only_layer_and_compiles_nothing(whole: Whole) -> None:
    verdicts = list(verify.verify(whole.target, whole.zips, whole.functions))

    assert [verdict.function for verdict in verdicts] == [function.name for function in whole.functions]
    for verdict in verdicts:
        assert verdict.is_good, verdict
    # Apps had the first layer alone; the authorizer, which comes last, had both, and was asked for one token.
    assert {verdict.statuses[0] for verdict in verdicts[:-1]} == {404}
    assert verdicts[-1].statuses == (401,)


@pytest.mark.parametrize("change", ["no byte code", "dates"])
def test_byte_code_that_is_missing_or_goes_by_dates_is_found(whole: Whole, tmp_path: Path, change: str) -> None:
    function = replace(whole.functions[0], file=rewritten(whole.functions[0].file, tmp_path, change))

    [verdict] = verify.verify(whole.target, whole.zips, [function])

    module = function.handler.rpartition(".")[0].replace(".", "/")
    assert any(name.endswith(f"{module}.py") for name in verdict.compiled)
    assert not verdict.is_good


def test_what_the_layer_lacks_is_a_fault_with_the_reason(whole: Whole, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "f.zip", "w") as made:
        made.writestr("json_app.py", "import click\n")
    function = Function("broken", "json_app.app", tmp_path / "f.zip", "", 0, 0, ("json_app",))

    with verify.unpacked(whole.target, [whole.zips["runtime"]], [function]) as place:
        run = place.function("broken", "json_app.app", whole.target, tmp_path / "record")
        with pytest.raises(EnvironmentFailed, match="No module named 'click'"), Environment(run):
            pass


def test_place_cannot_be_written_to(whole: Whole) -> None:
    with verify.unpacked(whole.target, [], whole.functions) as place:
        assert place.is_read_only
        done = subprocess.run([*place.command, "touch", str(place.folder / "x")], capture_output=True, check=False)

    assert done.returncode != 0
    assert re.search(rb"Read-only|denied", done.stderr)


def test_other_processor_is_refused(whole: Whole) -> None:
    other = Target(whole.target.python, "arm64" if whole.target.arch == "x86_64" else "x86_64")

    with pytest.raises(ToolError, match="verify it on a machine of that architecture"):
        next(verify.verify(other, {}, whole.functions))
