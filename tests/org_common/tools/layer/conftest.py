"""One build of this project's layers and functions, for this Python and processor: it takes seconds."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from org_common.tools.layer import build, functions
from org_common.tools.layer.build import Built
from org_common.tools.layer.functions import Function
from org_common.tools.layer.settings import LayerSettings
from org_common.tools.layer.targets import Target
from org_common.tools.project.project import Project, make_importable

ROOT = Path(__file__).parents[4]


@dataclass(frozen=True)
class Whole:
    settings: LayerSettings
    target: Target
    layers: list[Built]
    functions: list[Function]
    messages: list[str]

    @property
    def zips(self) -> dict[str, Path]:
        return {each.layer: each.file for each in self.layers}


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    out, messages = tmp_path_factory.mktemp("layer"), list[str]()
    settings, project, target = LayerSettings.find(ROOT), Project.find(ROOT), Target.here()
    make_importable(project)
    layers = build.build(settings, target, out, list(settings.layers), messages.append)
    made = functions.build(project, settings, target.python, out, messages.append)
    return Whole(settings, target, layers, made, messages)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a layer's table in its pyproject.toml."""
    (tmp_path / "pyproject.toml").write_text('[tool.org-common.layer]\nlock = "locks"\n')
    return tmp_path
