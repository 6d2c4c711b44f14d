import sys
from pathlib import Path

import pytest

from org_common.tools.check.code.sources import functions, load_sources
from org_common.tools.project.apps import load
from org_common.tools.project.project import Project

FILES = {
    "pyproject.toml": '[tool.org-common]\napps = ["check_sources.orders:app"]\n',
    "check_sources/__init__.py": "",
    "check_sources/orders.py": (
        "from org_common import App\napp = App('orders')\n"
        "if True:\n    def late(db, *, org_id: int = 1):\n        from check_sources import broken, worker\n"
    ),
    "check_sources/worker.py": "class Worker:\n    def work(self):\n        from . import deep\n",
    "check_sources/deep.py": "import json\n",
    "check_sources/broken.py": "import check_sources.missing\nraise RuntimeError\n",
    # A script that does its work at import.
    "check_sources/script.py": "raise SystemExit('it ran')\n",
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name in ("check_sources", "check_sources.orders", "check_sources.worker", "check_sources.deep"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return Project.find(tmp_path)


def test_sources_are_the_modules_that_the_apps_import_at_once_or_later(project: Project) -> None:
    load(project)
    failed: list[tuple[str, str]] = []

    sources = load_sources(project, lambda name, error: failed.append((name, type(error).__name__)))

    assert failed == [("check_sources.broken", "ModuleNotFoundError")]

    names = [source.module.__name__ for source in sources]
    assert names == ["check_sources", "check_sources.deep", "check_sources.orders", "check_sources.worker"]
    found = {function.name: function for function in functions(sources)}
    assert list(found) == ["late", "Worker.work"]
    assert found["Worker.work"].key == ("check_sources.worker", "Worker.work")
    assert (found["Worker.work"].owner, found["late"].owner) == ("Worker", "")
    assert (found["late"].parameters(), list(found["late"].annotations())) == ({"db", "org_id"}, ["org_id"])
