"""Scans the plan of the complete stack with checkov: `nox -s scan`. What infra/README.md explains is left out."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.infra.conftest import ROOT, modules
from tests.infra.programs import Terraform, missing
from tests.infra.stack import CONFIGURATION, manifest, write

# An environment of its own, made on demand: 99 packages, 269 MB.
CHECKOV = ("uv", "tool", "run", "--from", "checkov>=3.3,<4", "checkov")


def explained() -> list[str]:
    """The checks whose findings the README explains."""
    return re.findall(r"^\| `(CKV2?_AWS_\d+)` \|", (ROOT / "infra" / "README.md").read_text(), re.MULTILINE)


def main() -> None:
    lacking = missing()
    if lacking is not None:
        sys.exit(f"the scan needs {lacking}")
    with TemporaryDirectory() as name:
        folder = modules(Path(name) / "infra")
        write(folder, CONFIGURATION, manifest())
        terraform = Terraform(folder)
        terraform.init()
        plan = Path(name) / "plan.json"
        plan.write_text(json.dumps(terraform.plan("-refresh=false")))
        options = ["--framework", "terraform_plan", "--skip-download", "--compact", "--quiet"]
        done = subprocess.run([*CHECKOV, "-f", str(plan), *options, "--skip-check", ",".join(explained())], check=False)
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
