"""A demo module is found with what it needs. How the commands report one that lacks it: test_devserver.py."""

import sys
from pathlib import Path

import pytest

from org_common.tools.project.project import Project, ToolError, make_importable
from org_common.tools.serve import demo_module
from org_common.tools.serve.issuer import ISSUER

NAME = "demo_of_a_test"
DEMO = """
PEOPLE = ("ann",)
EXAMPLE = ("ann", "/hello")
seeded = []


def seed(admin_url, issuer):
    seeded.append((admin_url, issuer))
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("sys.path", sys.path.copy())
    monkeypatch.delitem(sys.modules, NAME, raising=False)
    (tmp_path / "pyproject.toml").write_text(f'[tool.org-common]\ndemo = "{NAME}"\n')
    (tmp_path / f"{NAME}.py").write_text(DEMO)
    return tmp_path


def project(folder: Path) -> Project:
    found = Project.find(folder)
    make_importable(found)
    return found


def test_project_without_a_demo_has_none(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.org-common]\n")

    module = demo_module.find(Project.find(tmp_path))

    assert module is None
    assert demo_module.page_of(module) is None


def test_module_is_seeded_as_users_of_the_local_issuer(folder: Path) -> None:
    module = demo_module.find(project(folder))
    assert module is not None

    demo_module.seed(module, "postgresql://admin")

    assert module.seeded == [("postgresql://admin", ISSUER)]


def test_page_is_a_folder_with_an_index(folder: Path) -> None:
    with (folder / f"{NAME}.py").open("a") as file:
        file.write("from pathlib import Path\nPAGE = Path(__file__).with_name('page')\n")
    (folder / "page").mkdir()
    (folder / "page" / "index.html").touch()

    assert demo_module.page_of(demo_module.find(project(folder))) == folder / "page"


def test_seed_that_fails_is_reported_by_its_line(folder: Path) -> None:
    (folder / f"{NAME}.py").write_text(DEMO.replace("seeded.append((admin_url, issuer))", "raise OSError('full')"))
    module = demo_module.find(project(folder))
    assert module is not None

    with pytest.raises(ToolError, match=rf"{NAME}\.py:8: OSError: full"):
        demo_module.seed(module, "postgresql://admin")
