"""A project that `org-common deploy` deploys, with the real Terraform."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result

from org_common.tools.cli import main
from tests.infra.programs import plugins
from tests.org_common.tools.deploy import crates

STACK = """
module "stack" {
  source   = "./modules/stack"
  manifest = "${path.module}/../dist/manifest.json"
  prefix   = "test-"
  account  = "123456789012"
  region   = "eu-central-1"
}
"""


def change(project: Path, module: str, **changed: object) -> None:
    """Change the project, and build it."""
    crates.write(project, module, **changed)  # type: ignore[arg-type]  # its options
    crates.write_zips(project / "dist", module, module)


def deploy(*arguments: str, answer: str = "") -> Result:
    command = ["deploy", "--no-build", "--plugins", str(plugins()), *arguments]
    return CliRunner().invoke(main, command, input=answer, catch_exceptions=False)
