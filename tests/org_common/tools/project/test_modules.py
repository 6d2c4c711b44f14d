"""Exceptions of the project's code are reported with its file and line."""

import sys
from pathlib import Path

import pytest

from org_common.tools.project.modules import load, load_object, reporting_errors
from org_common.tools.project.project import ToolError

ROUTES = "from org_common import App\n\napp = App('x')\n"


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to import from, which is the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("shop_stub", "shop_helper_stub"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (ROUTES + "@app.get('/x')\ndef x() -> str: ...\n", "shop_stub.py:4: GET /x has no access rule: add allow="),
        (ROUTES + "app.gett\n", "shop_stub.py:4: AttributeError: 'App' object has no attribute 'gett'"),
        ("x = 1\ny = = 2\n", "shop_stub.py:2: SyntaxError: invalid syntax"),
        ("import no_such_module", "shop_stub.py:1: ModuleNotFoundError: No module named 'no_such_module'"),
        ("import json\njson.loads('{')", "shop_stub.py:2: JSONDecodeError: Expecting property name"),
        ("import shop_helper_stub", "shop_helper_stub.py:2: ZeroDivisionError: division by zero"),
        ("raise SystemExit(3)", "shop_stub.py:1: SystemExit: 3"),
    ],
)
def test_fault_at_import_is_the_line_of_the_project(write: Path, source: str, message: str) -> None:
    (write / "shop_stub.py").write_text(source)
    (write / "shop_helper_stub.py").write_text("\n1 / 0\n")

    with pytest.raises(ToolError) as raised:
        load("shop_stub", "the app")

    assert str(raised.value).startswith(message)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no_such_module:app", "the app cannot be loaded: No module named 'no_such_module'"),
        ("shop_stub:ap", "the app cannot be loaded: module 'shop_stub' has no attribute 'ap'"),
        ("shop_stub", "the app cannot be loaded: write it as module:name"),
        (".x:app", "the app cannot be loaded: "),
    ],
)
def test_name_that_does_not_exist_is_reported(write: Path, name: str, message: str) -> None:
    (write / "shop_stub.py").write_text("app = 1")

    with pytest.raises(ToolError) as raised:
        load_object(name, "the app")

    assert str(raised.value).startswith(message)


def test_file_outside_of_the_current_folder_is_reported_with_its_whole_path(
    write: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (write / "shop_stub.py").write_text("x")
    (write / "below").mkdir()
    monkeypatch.chdir(write / "below")

    with pytest.raises(ToolError) as raised:
        load("shop_stub", "the app")

    assert str(raised.value) == f"{write / 'shop_stub.py'}:1: NameError: name 'x' is not defined"


def test_tool_s_own_words_pass() -> None:
    with pytest.raises(ToolError, match="^as it is$"), reporting_errors("the seed"):
        raise ToolError("as it is")
