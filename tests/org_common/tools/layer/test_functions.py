import zipfile
from pathlib import Path

import pytest

from org_common.tools.layer import functions
from org_common.tools.layer.functions import Function, modules
from org_common.tools.layer.settings import LayerSettings
from org_common.tools.layer.targets import Target
from org_common.tools.project.project import Project, ProjectError, ToolError

FILES = {
    "shop/__init__.py": "",
    "shop/orders.py": "from shop import models\nfrom . import prices\nimport psycopg\nfrom org_common import App\n",
    "shop/models.py": "def late():\n    from common.money import Euro\n",
    "shop/prices.py": "",
    "shop/bills.py": "raise RuntimeError('not of this function')",
    "shop/rates.json": "{}",
    "shop/README.md": "",
    "shop/migrations/0001.sql": "",
    "common/__init__.py": "",
    "common/money.py": "",
    "common/plugins.py": "",
    "notes.py": "import shop.prices\n",
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    for name, text in FILES.items():
        file = tmp_path / "src" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return Project(tmp_path, apps=("shop.orders:app", "notes:app"))


@pytest.fixture
def settings() -> LayerSettings:
    # The line comes from the locks: this repository's.
    found = LayerSettings.find(Path(__file__))
    return LayerSettings(found.root, found.lock)


def inside(function: Function) -> set[str]:
    with zipfile.ZipFile(function.file) as archive:
        return {name for name in archive.namelist() if not name.endswith((".pyc", ".build"))}


def test_function_has_its_modules_and_what_they_import_of_the_project(
    project: Project, settings: LayerSettings, tmp_path: Path
) -> None:
    orders, notes = functions.build(project, settings, Target.here().python, tmp_path / "out", print)

    assert inside(orders) == {
        *("shop/__init__.py", "shop/orders.py", "shop/models.py", "shop/prices.py", "shop/rates.json"),
        *("common/__init__.py", "common/money.py"),
    }
    assert inside(notes) == {"notes.py", "shop/__init__.py", "shop/prices.py", "shop/rates.json"}
    assert (orders.name, orders.handler) == ("shop-orders", "shop.orders.app")


def test_module_that_is_imported_by_a_text_can_be_named(
    project: Project, settings: LayerSettings, tmp_path: Path
) -> None:
    named = LayerSettings(settings.root, settings.lock, include={"shop.orders:app": ("common.plugins",)})

    orders, _ = functions.build(project, named, Target.here().python, tmp_path / "out", print)

    assert "common/plugins.py" in inside(orders)


def test_two_builds_are_the_same_bytes(project: Project, settings: LayerSettings, tmp_path: Path) -> None:
    python = Target.here().python

    one, other = (functions.build(project, settings, python, tmp_path / name, print) for name in ("a", "b"))

    assert [each.sha256 for each in one] == [each.sha256 for each in other]


def test_change_of_another_function_changes_nothing(project: Project, settings: LayerSettings, tmp_path: Path) -> None:
    python = Target.here().python
    before = functions.build(project, settings, python, tmp_path / "a", print)

    (tmp_path / "src" / "shop" / "bills.py").write_text("pass")

    assert [each.sha256 for each in functions.build(project, settings, python, tmp_path / "b", print)] == [
        each.sha256 for each in before
    ]


def test_app_that_is_not_there_is_reported(settings: LayerSettings, tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=r"shop\.orders of shop\.orders:app is not in"):
        functions.build(Project(tmp_path, apps=("shop.orders:app",)), settings, Target.here().python, tmp_path, print)


def test_project_without_apps_is_reported_how_to_name_them(settings: LayerSettings, tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="apps ="):
        functions.build(Project(tmp_path), settings, Target.here().python, tmp_path, print)


def test_module_that_is_no_python_is_reported_by_its_line(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text("x = 1\ny = = 2\n")

    with pytest.raises(ToolError, match=r"shop\.py:2: SyntaxError: invalid syntax"):
        modules(Project(tmp_path), ["shop"])
