"""A small project that can be deployed, with stamped zips in place of built ones."""

from __future__ import annotations

import zipfile
from pathlib import Path

from org_common.lifecycle.build import STAMP
from org_common.tools.layer.targets import Target

PYPROJECT = """
[project]
name = "crates"
version = "1"

[tool.org-common]
apps = ["{module}:app"]
migrations = ["crates=migrations"]

[tool.org-common.functions.crates]
memory = {memory}
"""
APP = """
from org_common import PUBLIC, App

app = App("crates")


@app.get("/health", allow=PUBLIC)
def health() -> dict[str, bool]:
    return {"ok": True}
"""
ROUTE = """

@app.get("/crates", allow=PUBLIC)
def list_crates() -> list[str]:
    return []
"""


def write(root: Path, module: str, *, app: str = APP, memory: int = 512) -> None:
    """Write the project, or change it. Each test needs a module name of its own: Python keeps what it imported."""
    (root / "pyproject.toml").write_text(PYPROJECT.format(module=module, memory=memory))
    (root / f"{module}.py").write_text(app)
    (root / "migrations").mkdir(exist_ok=True)
    (root / "migrations" / "0001_create_crates.sql").write_text("create schema crates;")


def write_zips(out: Path, module: str, content: str) -> None:
    """Write stamped zips of the layers and of the function."""
    target = Target.here()
    out.mkdir(exist_ok=True)
    for layer in ("runtime", "auth"):
        with zipfile.ZipFile(out / f"org-common-{layer}-{target.name}.zip", "w") as file:
            stamp = f"1+aaaaaaaaaaaa\npython{target.python} {target.arch}\nx\n"
            file.writestr(zipfile.ZipInfo(f"python/{STAMP.format(layer)}"), stamp)
    with zipfile.ZipFile(out / f"{module}.zip", "w") as file:
        stamp = f"1+aaaaaaaaaaaa\npython{target.python} any\nx\n"
        file.writestr(zipfile.ZipInfo(STAMP.format("function")), stamp)
        file.writestr(zipfile.ZipInfo(f"{module}.py"), content)
