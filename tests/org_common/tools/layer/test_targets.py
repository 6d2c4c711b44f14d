import sys
from pathlib import Path

import pytest

from org_common.tools.layer.targets import PYTHONS, Target, interpreter
from org_common.tools.project.project import ToolError

HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.mark.parametrize(
    ("python", "arch", "platform"),
    [
        ("3.11", "x86_64", "x86_64-manylinux2014"),
        ("3.11", "arm64", "aarch64-manylinux2014"),
        ("3.12", "x86_64", "x86_64-manylinux_2_34"),
        ("3.14", "arm64", "aarch64-manylinux_2_34"),
    ],
)
def test_platform_is_that_of_lambdas_runtime(python: str, arch: str, platform: str) -> None:
    assert Target(python, arch).platform == platform


@pytest.mark.parametrize(("python", "arch"), [("3.10", "arm64"), ("3.13", "aarch64"), ("", "")])
def test_what_lambda_does_not_have_is_refused(python: str, arch: str) -> None:
    with pytest.raises(ToolError, match="not"):
        Target(python, arch)


def test_this_python_compiles_for_itself() -> None:
    assert interpreter(HERE) == Path(sys.executable)


def test_python_that_is_not_here_is_refused_with_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("PATH", "PYENV_ROOT", "UV_PYTHON_INSTALL_DIR"):
        monkeypatch.setenv(variable, str(tmp_path))
    another = next(python for python in PYTHONS if python != HERE)

    with pytest.raises(ToolError, match=rf"Python {another} is not installed on this machine, and compiling bytecode"):
        interpreter(another)


def test_program_of_another_version_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    another = next(python for python in PYTHONS if python != HERE)
    (tmp_path / f"python{another}").symlink_to(sys.executable)
    for variable in ("PATH", "PYENV_ROOT", "UV_PYTHON_INSTALL_DIR"):
        monkeypatch.setenv(variable, str(tmp_path))

    with pytest.raises(ToolError):
        interpreter(another)


def test_only_this_machines_processor_runs_here() -> None:
    assert sum(Target(HERE, arch).runs_here for arch in ("x86_64", "arm64")) == (sys.platform == "linux")
