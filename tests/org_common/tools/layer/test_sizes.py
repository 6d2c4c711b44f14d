import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from org_common.tools.layer import archive, sizes
from org_common.tools.layer.settings import Budget, LayerSettings
from org_common.tools.layer.sizes import Row, Size
from org_common.tools.layer.targets import Target
from org_common.tools.project.project import ToolError
from tests.org_common.tools.layer.conftest import Whole

TARGET = Target("3.13", "arm64")


@pytest.fixture
def zipped(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    for name, size in (
        ("psycopg/a.py", 3000),
        ("psycopg_binary.libs/libpq.so.5", 9000),
        ("psycopg-3.dist-info/METADATA", 10),
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x" * size)
    archive.write(folder, tmp_path / "layer.zip", prefix="python/")
    return tmp_path / "layer.zip"


def settings(folder: Path, **packages: Budget) -> LayerSettings:
    (folder / "locks").mkdir(exist_ok=True)
    return LayerSettings(root=folder, lock=folder / "locks", layers={"runtime": ()}, packages=packages)


@pytest.mark.parametrize(
    ("path", "package"),
    [
        ("psycopg/a.py", "psycopg"),
        ("psycopg_binary.libs/libpq.so", "psycopg_binary"),
        ("psycopg_binary-3.3.9.dist-info/METADATA", "psycopg_binary"),
        ("typing_extensions.py", "typing_extensions"),
        ("__pycache__/typing_extensions.cpython-313.pyc", "typing_extensions"),
        ("_cffi_backend.cpython-313-x86_64-linux-gnu.so", "cffi"),
        ("org-common.runtime.json", "manifest"),
    ],
)
def test_each_file_belongs_to_a_package(path: str, package: str) -> None:
    assert sizes.owner(path) == package


def test_packages_are_weighed_with_their_libraries(zipped: Path) -> None:
    assert {name: size.unzipped for name, size in sizes.packages(zipped).items()} == {
        "psycopg_binary": 9000,
        "psycopg": 3010,
    }


def test_package_over_its_budget_is_reported(tmp_path: Path, zipped: Path) -> None:
    rows = sizes.compare(settings(tmp_path, psycopg=Budget(10_000, 3_000)), TARGET, {"runtime": zipped})

    assert [row.what for row in rows if row.is_over] == ["package psycopg"]
    assert any("OVER BUDGET" in line for line in sizes.table(TARGET, rows))


def test_budget_of_nothing_is_refused(tmp_path: Path, zipped: Path) -> None:
    with pytest.raises(ToolError, match="has a budget for psycopgg, which is not in any layer"):
        sizes.compare(settings(tmp_path, psycopgg=Budget(1, 1)), TARGET, {"runtime": zipped})


def test_growth_is_relative_to_the_recorded_sizes(tmp_path: Path, zipped: Path) -> None:
    wanted = settings(tmp_path)
    rows = sizes.compare(wanted, TARGET, {"runtime": zipped})
    sizes.record(wanted, TARGET, [replace(row, now=Size(1, row.now.unzipped // 2)) for row in rows])

    again = sizes.compare(wanted, TARGET, {"runtime": zipped})

    assert all(row.grew for row in again)
    assert sum("grew by" in line for line in sizes.table(TARGET, again)) == len(again)


def test_record_keeps_other_targets(tmp_path: Path, zipped: Path) -> None:
    wanted = settings(tmp_path)
    for target in (TARGET, Target("3.12", "x86_64")):
        sizes.record(wanted, target, sizes.compare(wanted, target, {"runtime": zipped}))

    assert json.loads(wanted.sizes.read_text()).keys() == {"py312-x86_64", "py313-arm64"}


def test_growth_by_a_hair_is_none() -> None:
    assert not Row("a", Size(1, 100_500), Size(1, 100_000), None).grew


def test_damaged_record_is_reported_with_the_remedy(tmp_path: Path, zipped: Path) -> None:
    wanted = settings(tmp_path)
    wanted.sizes.write_text("{")

    with pytest.raises(ToolError, match="layer check --record"):
        sizes.compare(wanted, TARGET, {"runtime": zipped})


@pytest.mark.wheel
def test_this_project_is_within_its_budgets(whole: Whole) -> None:
    rows = sizes.compare(whole.settings, whole.target, whole.zips)

    assert {row.what for row in rows if row.budget} >= {"runtime", "total"}
    assert [row for row in rows if row.is_over] == []


@pytest.mark.wheel
def test_command_fails_over_budget_with_the_table(
    whole: Whole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from org_common.tools.cli import main

    (tmp_path / "pyproject.toml").write_text(
        "[tool.org-common.layer]\n"
        'layers.small = ["typing-inspection==0.4.5"]\n'
        f'constraints = "{whole.settings.constraints}"\n'
        "budgets.total = [0.001, 0.002]\n"
    )
    monkeypatch.chdir(tmp_path)
    locked = CliRunner().invoke(main, ["layer", "lock"], catch_exceptions=False)

    done = CliRunner().invoke(main, ["layer", "check", "--record"], catch_exceptions=False)

    assert (locked.exit_code, done.exit_code) == (0, 1)
    assert "OVER BUDGET" in done.stdout
    assert (tmp_path / "layer" / "sizes.json").is_file()
