import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from org_common.tools.layer import functions, lock
from org_common.tools.layer.functions import Function, modules
from org_common.tools.layer.settings import Budget, LayerSettings
from org_common.tools.layer.targets import Target
from org_common.tools.project.project import Project, ProjectError, ToolError
from tests.org_common.tools.layer.conftest import Whole

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


def test_secrets_leftovers_and_foreign_files_stay_out_and_are_reported(
    project: Project, settings: LayerSettings, tmp_path: Path
) -> None:
    shop = tmp_path / "src" / "shop"
    for name in (".env", "private.pem", "credentials.json", ".orders.py.swp"):
        (shop / name).write_text("-----BEGIN PRIVATE KEY-----")
    (shop / "link.txt").symlink_to("/etc/hostname")
    (shop / "prices.py").write_text("import uvicorn\n")
    said: list[str] = []

    orders, _ = functions.build(project, settings, Target.here().python, tmp_path / "out", said.append)

    assert not {name for name in inside(orders) if not name.endswith((".py", "rates.json"))}
    warnings = [line for line in said if line.startswith("warning: shop-orders.zip: ")]
    for name in (".env", "private.pem", "credentials.json", ".orders.py.swp", "link.txt"):
        assert any(f"left out src/shop/{name}, " in line for line in warnings)
    assert any("shop.prices imports uvicorn (line 1), which no layer" in line for line in warnings)
    assert len(warnings) == 6


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


INGEST = "cora_modules.kb.ingest:app"
OWN = {"cryptography", "lxml", "markdown_it", "mdurl", "pypdf"}


def test_function_with_requirements_has_their_packages_and_not_those_of_the_layer(whole: Whole) -> None:
    by_name = {each.name: each for each in whole.functions}
    folders = {name: {path.partition("/")[0] for path in inside(each)} for name, each in by_name.items()}

    assert folders["cora_modules-kb-ingest"] >= OWN | {"cora_modules"}
    assert folders["cora_modules-kb-ingest"].isdisjoint({"psycopg", "pydantic", "orjson", "org_common", "botocore"})
    assert folders["cora_modules-kb-documents"] == {"cora_modules"}
    assert by_name["cora_modules-kb-ingest"].unzipped <= 40_000_000


def test_function_with_requirements_says_its_architecture(whole: Whole) -> None:
    stamps = {}
    for each in whole.functions:
        with zipfile.ZipFile(each.file) as archive:
            stamps[each.name] = archive.read("org-common.function.build").decode().splitlines()[1]

    target = whole.target
    assert stamps["cora_modules-kb-ingest"] == f"python{target.python} {target.arch}"
    assert stamps["cora_modules-kb-documents"] == f"python{target.python} any"


def test_packages_of_a_function_are_imported_from_its_zip(whole: Whole, tmp_path: Path) -> None:
    """Nothing of them was stripped that they need: in a process without this environment's packages."""
    (ingest,) = [each for each in whole.functions if each.name == "cora_modules-kb-ingest"]
    with zipfile.ZipFile(ingest.file) as archive:
        archive.extractall(tmp_path)
    script = (
        "import sys; sys.path[:0] = [sys.argv[1]]; import lxml.etree, markdown_it, pypdf;"
        "from cryptography.hazmat.primitives.ciphers.algorithms import AES; pypdf.PdfWriter();"
        "assert all(sys.modules[name].__file__.startswith(sys.argv[1]) for name in ('lxml', 'markdown_it', 'pypdf'))"
    )

    subprocess.run([sys.executable, "-I", "-S", "-c", script, str(tmp_path)], check=True)


def test_function_over_its_budget_is_an_error(project: Project, settings: LayerSettings, tmp_path: Path) -> None:
    small = replace(settings, budgets={"shop.orders:app": Budget(100, 100)})

    with pytest.raises(ToolError, match=r"shop-orders\.zip has .* and its budget is"):
        functions.build(project, small, Target.here().python, tmp_path / "out", print)


def test_requirements_of_an_unknown_function_are_an_error(
    project: Project, settings: LayerSettings, tmp_path: Path
) -> None:
    wrong = replace(settings, requirements={"shop.order:app": ("lxml",)})

    with pytest.raises(ProjectError, match=r"'shop\.order:app' .* is not one of the project's functions"):
        functions.build(project, wrong, Target.here().python, tmp_path / "out", print)


def test_requirements_without_a_lock_say_how_to_make_one(
    project: Project, settings: LayerSettings, tmp_path: Path
) -> None:
    unlocked = replace(settings, requirements={"shop.orders:app": ("lxml",)})

    with pytest.raises(ToolError, match=r"shop-orders\.txt does not exist. Create it with: org-common layer lock"):
        functions.build(project, unlocked, Target.here().python, tmp_path / "out", print)


def test_lock_of_a_function_leaves_out_the_layer_that_it_always_has(whole: Whole) -> None:
    own = {pin.name for pin in lock.read(whole.settings, INGEST)}

    assert own == {"cffi", "cryptography", "lxml", "markdown-it-py", "mdurl", "pycparser", "pypdf"}
    assert own.isdisjoint(pin.name for pin in lock.read(whole.settings, "runtime"))
