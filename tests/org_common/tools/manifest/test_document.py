import base64
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest

from org_common.lifecycle.build import STAMP
from org_common.tools.layer import archive
from org_common.tools.layer.targets import Target
from org_common.tools.manifest.document import SCHEMA, describe, dump, manifest, read
from org_common.tools.project.apps import load
from org_common.tools.project.project import Project, ToolError

ROOT = Path(__file__).parents[4]
TARGET = Target("3.13", "arm64")
VALIDATOR = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))

SHOP = """
from org_common import SIGNED_IN, App

app = App("shop")
{routes}
"""
MAIN = "from org_common.tools.cli import main; main()"
ROUTE = "app.get('/carts', allow=SIGNED_IN)(lambda: None)"


def project(folder: Path, *routes: str, table: str = "") -> Path:
    """A project with an app and an authorizer."""
    (folder / "shop.py").write_text(SHOP.format(routes="\n".join(routes)))
    (folder / "entrance.py").write_text("from org_common import authorizer\n\napp = authorizer()\n")
    (folder / "pyproject.toml").write_text(
        '[tool.org-common]\napps = ["shop:app"]\nlayer.functions = ["entrance:app"]\n' + table
    )
    return folder


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own, as modules are imported once."""
    return subprocess.run(
        [sys.executable, "-c", MAIN, "manifest", "--python", "3.13", "--arch", "arm64", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(SCHEMA.read_text()))


def test_manifest_of_this_project_is_valid_and_complete() -> None:
    this = Project.find(ROOT)

    made = manifest(this, TARGET)

    VALIDATOR.validate(made)
    apps = load(this)
    assert {app.name for app in apps} | {"access-auth"} == made["functions"].keys()
    for app in apps:
        function = made["functions"][app.name]
        assert len(function["routes"]) == len(app.routes)
        assert len(function["schedules"]) == sum(trigger.kind == "SCHEDULE" for trigger in app.triggers)


def test_schema_refuses_other_keys() -> None:
    made = manifest(Project.find(ROOT), TARGET)
    made["functions"]["access-orgs"]["memry"] = 512

    assert [error.message for error in VALIDATOR.iter_errors(made)] == [
        "Additional properties are not allowed ('memry' was unexpected)"
    ]


def test_manifest_is_the_same_each_time() -> None:
    this = Project.find(ROOT)

    assert dump(manifest(this, TARGET)) == dump(manifest(this, TARGET))


def test_new_route_is_one_line_and_named(tmp_path: Path) -> None:
    folder = project(tmp_path, ROUTE)
    assert command(folder, "--out", "old.json").returncode == 0

    project(tmp_path, ROUTE, "app.get('/old-carts', allow=SIGNED_IN)(lambda: None)")
    done = command(folder, "--diff", "old.json")

    assert done.stdout == "shop: a new route, GET /old-carts, allowed by SIGNED_IN\n", done.stderr


def test_every_reason_is_printed(tmp_path: Path) -> None:
    table = '[tool.org-common.functions."*"]\nmemory = 64\nlog_retention = 2\n'

    done = command(project(tmp_path, ROUTE, table=table))

    assert done.returncode == 1
    assert done.stderr.startswith("Error: this cannot be deployed:\n  entrance: memory = 64")
    assert len(done.stderr.splitlines()) == 5


def test_table_of_an_unknown_function_is_refused(tmp_path: Path) -> None:
    done = command(project(tmp_path, ROUTE, table="[tool.org-common.functions.shpo]\n"))

    assert "tool.org-common.functions.shpo is not a function of this project: did you mean shop?" in done.stderr


def test_two_functions_of_a_name_are_refused(tmp_path: Path) -> None:
    table = '[tool.org-common.functions."entrance:app"]\nname = "shop"\n'

    assert "shop:app and entrance:app are both named 'shop'" in command(project(tmp_path, ROUTE, table=table)).stderr


def test_schema_is_printed(tmp_path: Path) -> None:
    assert command(tmp_path, "--schema").stdout == SCHEMA.read_text()


def built(folder: Path, name: str, part: str, line: str = "1.0+a", target: str = "python3.13 arm64") -> str:
    """A zip with the stamp of a build. Returns its hash as AWS reports it."""
    content = folder / name
    content.mkdir()
    (content / STAMP.format(part)).write_text(f"{line}\n{target}\ncontent\n")
    archive.write(content, folder / f"{name}.zip")
    return base64.b64encode(hashlib.sha256((folder / f"{name}.zip").read_bytes()).digest()).decode()


def test_zips_of_a_build_are_named_with_their_hashes(tmp_path: Path) -> None:
    layer = built(tmp_path, "org-common-runtime-py313-arm64", "runtime")
    function = built(tmp_path, "cora_modules-access-orgs", "function", target="python3.13 any")
    built(tmp_path, "org-common-runtime-py313-x86_64", "runtime", "1.0+other", "python3.13 x86_64")

    made = describe(Project.find(ROOT), TARGET, tmp_path)

    VALIDATOR.validate(made)
    assert made["line"] == "1.0+a"
    assert made["layers"] == {
        "runtime": {"file": "org-common-runtime-py313-arm64.zip", "sha256": layer},
        "auth": None,
    }
    assert made["functions"]["access-orgs"]["zip"] == {"file": "cora_modules-access-orgs.zip", "sha256": function}


def test_zips_of_two_lines_are_refused(tmp_path: Path) -> None:
    built(tmp_path, "org-common-runtime-py313-arm64", "runtime")
    built(tmp_path, "cora_modules-access-orgs", "function", "1.0+b", "python3.13 any")

    with pytest.raises(ToolError, match=r"zips of 2 lines, 1\.0\+a, 1\.0\+b: build layers and functions again"):
        describe(Project.find(ROOT), TARGET, tmp_path)


def test_folder_without_zips_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="has no zips for arm64"):
        describe(Project.find(ROOT), TARGET, tmp_path)


@pytest.mark.parametrize(
    ("text", "words"),
    [("{", "is not valid JSON"), ("[]", "is not a manifest"), ('{"version": 2}', "is not a manifest")],
)
def test_other_file_is_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "old.json").write_text(text)

    with pytest.raises(ToolError, match=words):
        read(tmp_path / "old.json")
