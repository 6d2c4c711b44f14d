"""A project that `org-common new` wrote, deployed by the command itself, with real builds and the real Terraform."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.infra.conftest import ROOT, modules
from tests.infra.programs import environment, plugins

PROGRAM = Path(sys.executable).with_name("org-common")
NAME = "parcels"
STACK = """
module "stack" {
  source   = "./modules/stack"
  manifest = "${path.module}/../dist/manifest.json"
  prefix   = "test-"
  account  = "123456789012"
  region   = "eu-central-1"

  database           = { secret = "test/app/database", url = "postgresql://pooler.acme.example:6432/app" }
  cursor_keys_secret = "test/cursor-keys"
  issuers            = [{ url = "https://acme.example/", audience = "https://acme.example", algorithms = ["RS256"] }]
}
"""
FIRST = ["all functions: the first deploy: 2 functions, 5 routes"]
ROUTE = '''

@app.get("/labels", allow=PUBLIC)
def list_labels() -> list[str]:
    """List the labels."""
    return []
'''


class Generated:
    """The project in its folder, with the modules in its folder infra."""

    def __init__(self, parent: Path, provider: str, environ: Mapping[str, str]) -> None:
        self.root = parent / NAME
        kept = {name: value for name, value in environment().items() if not name.startswith("ORG_COMMON_")}
        self.environ = {**kept, **environ, "PATH": f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}"}
        self.run("new", NAME, folder=parent)
        # The locks of this repository, in place of `layer lock`, which asks a package index.
        (self.root / "layer").mkdir()
        for layer in ("runtime", "auth"):
            shutil.copy(ROOT / "layer" / f"{layer}.txt", self.root / "layer")
        (modules(self.root / "infra") / "main.tf").write_text(provider + STACK)

    def run(self, *arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run `org-common` as an operator does."""
        return subprocess.run(
            [PROGRAM, *arguments],
            cwd=folder or self.root,
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
        )

    def deploy(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Build and deploy, with nothing prepared."""
        return self.run("deploy", "--plugins", str(plugins()), *arguments)

    def add_route(self) -> None:
        """Add a public route: one declaration in Python, and nothing in infra."""
        module = self.root / "src" / NAME / "notes.py"
        text = module.read_text().replace("import App,", "import PUBLIC, App,")
        module.write_text(text + ROUTE)
