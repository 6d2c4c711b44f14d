from pathlib import Path

import pytest

from org_common.tools.layer.settings import LAYERS, Budget, LayerSettings
from org_common.tools.project.project import ProjectError


def found(folder: Path, table: str) -> LayerSettings:
    (folder / "pyproject.toml").write_text(table)
    return LayerSettings.find(folder)


def test_table_is_read(tmp_path: Path) -> None:
    settings = found(
        tmp_path,
        """
        [tool.org-common.layer]
        lock = "locks"
        constraints = "requirements.txt"
        drop = ["boring/*"]
        layers.runtime = ["org-common", "stripe>=9"]
        budgets.total = [15, 50.5]
        packages.psycopg = [1, 2]
        include."shop.orders:app" = ["shop.plugins"]
        """,
    )

    assert settings == LayerSettings(
        root=tmp_path,
        lock=tmp_path / "locks",
        constraints=tmp_path / "requirements.txt",
        layers={"runtime": ("org-common", "stripe>=9")},
        budgets={"total": Budget(15_000_000, 50_500_000)},
        packages={"psycopg": Budget(1_000_000, 2_000_000)},
        drop=("boring/*",),
        include={"shop.orders:app": ("shop.plugins",)},
    )


def test_all_keys_may_be_left_out(tmp_path: Path) -> None:
    settings = found(tmp_path, "")

    assert (settings.lock, settings.layers) == (tmp_path / "layer", LAYERS)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ('[tool.org-common]\nlayer = "runtime"', "layer must be a table"),
        ('[tool.org-common.layer]\nbudget = "big"', "layer.budget is not a valid key: did you mean budgets?"),
        ("[tool.org-common.layer]\nlock = 7", "layer.lock must be a non-empty string"),
        ("[tool.org-common.layer]\nbudgets.total = 15", "budgets.total must be two numbers"),
        ("[tool.org-common.layer]\nlayers.total = []", "layers.total is reserved for all layers"),
        ('[tool.org-common.layer]\nlayers.auth = "PyJWT"', "layers.auth must be a list of non-empty strings"),
        ("[tool.org-common.layer]\nbudgets = 3", "budgets must be a table"),
        ("[tool", "cannot be read"),
    ],
)
def test_fault_names_the_key_and_an_example(tmp_path: Path, table: str, message: str) -> None:
    with pytest.raises(ProjectError) as refused:
        found(tmp_path, table)

    assert message in str(refused.value)


def test_no_project_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=r"no pyproject\.toml in"):
        LayerSettings.find(tmp_path)
