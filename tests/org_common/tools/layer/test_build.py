"""The built zips of this project: what is in them, what is not, and that they are the same wherever they are built."""

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from org_common.tools.layer import build, sizes
from org_common.tools.layer.targets import Target
from org_common.tools.project.project import ToolError
from tests.org_common.tools.layer.conftest import ROOT, Whole

pytestmark = pytest.mark.wheel


def names(file: Path) -> set[str]:
    with zipfile.ZipFile(file) as archive:
        return set(archive.namelist())


def test_layer_has_what_is_locked_and_ours(whole: Whole) -> None:
    assert {"psycopg", "psycopg_binary", "pydantic", "orjson", "org_common"} <= sizes.packages(
        whole.zips["runtime"]
    ).keys()


def test_only_the_auth_layer_has_cryptography(whole: Whole) -> None:
    runtime, auth = (sizes.packages(whole.zips[layer]).keys() for layer in ("runtime", "auth"))

    assert {"cryptography", "jwt"} <= auth
    assert {"cryptography", "jwt", "cffi"} & runtime == set()
    assert {"org_common", "pydantic", "psycopg"} & auth == set()


def test_layers_omit_what_lambda_provides_and_what_is_never_read(whole: Whole) -> None:
    everything = names(whole.zips["runtime"]) | names(whole.zips["auth"])

    unwanted = ("python/boto", "python/org_common/tools", "python/org_common/testing", "python/click")
    assert [name for name in everything if name.startswith(unwanted)] == []
    assert [name for name in everything if name.endswith((".pyi", "RECORD", "py.typed")) or "/tests/" in name] == []


def test_each_module_has_byte_code(whole: Whole) -> None:
    tag = sys.implementation.cache_tag
    for file in whole.zips.values():
        inside = names(file)
        sources = {name for name in inside if name.endswith(".py")}
        compiled = {name.replace("__pycache__/", "").replace(f".{tag}.pyc", ".py") for name in inside if ".pyc" in name}
        assert sources == compiled


COUNT = """
import sys
counted = []
def count(event, arguments):
    if event == "compile" and sys._getframe(1).f_code.co_filename.endswith(("/typing.py", "/dataclasses.py")):
        counted.append(arguments[0])
sys.addaudithook(count)
sys.path.insert(0, sys.argv[1])
import org_common
org_common.App, org_common.Model, org_common.Reader
from org_common.lifecycle.precompiled import is_used
print(is_used, counted)
"""


def test_what_modules_compile_when_they_are_imported_is_compiled(whole: Whole, tmp_path: Path) -> None:
    layer = build.unpack([whole.zips["runtime"]], tmp_path)

    command = [sys.executable, "-I", "-S", "-c", COUNT, str(layer)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "True []\n"


def test_manifest_names_line_versions_licences_and_hashes(whole: Whole) -> None:
    runtime = next(each for each in whole.layers if each.layer == "runtime")
    with zipfile.ZipFile(runtime.file) as archive:
        manifest = json.loads(archive.read("python/org-common.runtime.json"))

    assert (manifest["line"], manifest["build"], manifest["python"]) == (
        runtime.line,
        runtime.build,
        whole.target.python,
    )
    assert manifest["packages"]["psycopg"].keys() == {"version", "licence", "hashes"}
    assert all(len(each["hashes"]) > 0 for each in manifest["packages"].values())
    assert "RECORD" not in manifest["packages"]


def test_layers_and_functions_of_one_checkout_are_of_one_line(whole: Whole) -> None:
    lines = {each.line for each in whole.layers}
    with zipfile.ZipFile(whole.functions[0].file) as archive:
        lines.add(archive.read("org-common.function.build").decode().splitlines()[0])

    assert len(lines) == 1
    assert lines.pop().startswith("0.")


def test_another_checkout_builds_the_same_bytes(whole: Whole, tmp_path: Path) -> None:
    checkout = tmp_path / "somewhere else"
    shutil.copytree(ROOT / "src", checkout / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "layer", checkout / "layer")
    shutil.copy(ROOT / "pyproject.toml", checkout)
    code = f"import sys; sys.path.insert(0, {str(checkout / 'src')!r}); from org_common.tools.cli import main; main()"
    command = [sys.executable, "-c", code, "layer", "build", "--layer", "runtime", "--out", str(tmp_path / "out")]

    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=True)

    assert done.stdout.split()[0] == next(each.sha256 for each in whole.layers if each.layer == "runtime")


def test_it_reports_what_it_is_doing(whole: Whole) -> None:
    assert any("packages for Python" in line for line in whole.messages)


def test_python_that_is_not_here_is_refused_before_anything_is_downloaded(
    whole: Whole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("PATH", "PYENV_ROOT", "UV_PYTHON_INSTALL_DIR"):
        monkeypatch.setenv(variable, str(tmp_path))

    with pytest.raises(ToolError, match=r"Python 3\.14 is not installed"):
        build.build(whole.settings, Target("3.14", "arm64"), tmp_path, ["runtime"], whole.messages.append)
    assert list(tmp_path.iterdir()) == []
