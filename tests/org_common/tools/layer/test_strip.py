from pathlib import Path

import pytest

from org_common.tools.layer.strip import strip

KEPT = ["shop/__init__.py", "shop/data.json", "shop/_fast.so", "shop/testing.py", "shop-1.0.dist-info/METADATA"]
GONE = [
    *("shop/tests/test_it.py", "shop/_fast.pyi", "shop/_fast.c", "shop/py.typed", "shop/__pycache__/x.pyc", "bin/shop"),
    *("shop-1.0.dist-info/RECORD", "shop-1.0.dist-info/INSTALLER", "shop-1.0.dist-info/licenses/LICENSE"),
    *("pydantic/v1/main.py", "pycparser/c_parser.py", "cffi/recompiler.py"),
]
METADATA = "Metadata-Version: 2.4\nName: shop\nVersion: 1.0\nLicense-Expression: MIT\nSummary: It\n\nLong words.\n"


def filled(folder: Path, names: list[str]) -> Path:
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(METADATA if file.name == "METADATA" else "")
    return folder


def left(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_what_a_lambda_never_reads_goes(tmp_path: Path) -> None:
    strip(filled(tmp_path, KEPT + GONE))

    assert left(tmp_path) == set(KEPT)


def test_metadata_keeps_name_and_version(tmp_path: Path) -> None:
    strip(filled(tmp_path, KEPT))

    assert (tmp_path / KEPT[-1]).read_text() == "Metadata-Version: 2.4\nName: shop\nVersion: 1.0\n"


def test_project_may_drop_more(tmp_path: Path) -> None:
    strip(filled(tmp_path, KEPT), drop=["shop/data.*", "shop-*"])

    assert left(tmp_path) == {"shop/__init__.py", "shop/_fast.so", "shop/testing.py"}


def test_entry_points_stay_but_for_programs(tmp_path: Path) -> None:
    for name, text in (("plugin", "[pydantic]\nx = y:z\n"), ("program", "[console_scripts]\nx = y:z\n")):
        (tmp_path / f"{name}-1.dist-info").mkdir()
        (tmp_path / f"{name}-1.dist-info" / "entry_points.txt").write_text(text)

    strip(tmp_path)

    assert left(tmp_path) == {"plugin-1.dist-info/entry_points.txt"}


def recorded(folder: Path, name: str, files: list[str]) -> None:
    filled(folder, [*files, f"{name}-1.0.dist-info/METADATA"])
    rows = "".join(f"{file},sha256=x,1\n" for file in [*files, f"{name}-1.0.dist-info/METADATA"])
    (folder / f"{name}-1.0.dist-info" / "RECORD").write_text(rows)


@pytest.mark.parametrize(
    ("name", "files", "stays"),
    [
        ("cffi", ["cffi/api.py", "_cffi_backend.so"], True),
        ("cffi", ["cffi/api.py"], False),
        ("pycparser", ["pycparser/c_parser.py"], False),
        ("shop", ["shop/a.py", "shop/tests/test_a.py"], True),
        ("shop", ["shop/tests/test_a.py", "bin/shop"], False),
        ("shop", ['"shop/a,b.py"', "shop/a.pyi"], False),
        ("types_shop", ["shop-stubs/a.pyi"], False),
    ],
)
def test_metadata_stays_with_the_last_file(tmp_path: Path, name: str, files: list[str], stays: bool) -> None:
    recorded(tmp_path, name, files)

    strip(tmp_path)

    assert (tmp_path / f"{name}-1.0.dist-info" / "METADATA").exists() is stays


def test_metadata_of_a_package_that_is_left_cannot_be_dropped(tmp_path: Path) -> None:
    recorded(tmp_path, "shop", ["shop/a.py"])

    strip(tmp_path, drop=["shop-*", "*.dist-info/*"])

    assert (
        tmp_path / "shop-1.0.dist-info" / "METADATA"
    ).read_text() == "Metadata-Version: 2.4\nName: shop\nVersion: 1.0\n"


def test_package_that_is_dropped_has_no_metadata(tmp_path: Path) -> None:
    recorded(tmp_path, "shop", ["shop/a.py"])

    strip(tmp_path, drop=["shop"])

    assert left(tmp_path) == set()
