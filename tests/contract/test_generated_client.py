"""A typed client that openapi-python-client generates from the document: complete, importable, and it works."""

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from cora_modules import demo
from org_common.tools.openapi.document import document
from org_common.tools.project import apps
from org_common.tools.project.project import Project

# The server's thread would import it with its first error, and pytest parses what it imports of the SDK: CPython 3.11
# cannot always parse in two threads at once ("AST constructor recursion depth mismatch", python/cpython#106905).
from org_common.telemetry import causes  # noqa: F401  # isort: skip
from tests.support.served import Served

pytestmark = pytest.mark.db

ROOT = Path(__file__).parents[2]
DOCUMENT = document(apps.load(Project.find(ROOT)), title="CORA")
OPERATIONS = {
    operation["operationId"]: operation for methods in DOCUMENT["paths"].values() for operation in methods.values()
}
PACKAGE = "generated_cora"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of the generated package. The generator ends with an error where it would leave something out."""
    folder = tmp_path_factory.mktemp("generated")
    (folder / "api.json").write_text(json.dumps(DOCUMENT))
    # Otherwise it formats its files.
    (folder / "config.yml").write_text("post_hooks: []\n")
    command = [
        sys.executable,
        "-m",
        "openapi_python_client",
        "generate",
        "--path",
        "api.json",
        "--config",
        "config.yml",
    ]
    options = ["--output-path", PACKAGE, "--meta", "none", "--fail-on-warning"]
    done = subprocess.run([*command, *options], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    sys.path.insert(0, str(folder))
    yield folder / PACKAGE
    sys.path.remove(str(folder))


@pytest.fixture(scope="module")
def calls(package: Path) -> dict[str, ModuleType]:
    """The module of each operation, by its name: `access_orgs_list_orgs`."""
    files = [file for file in sorted(package.glob("api/*/*.py")) if file.stem != "__init__"]
    return {file.stem: import_module(f"{PACKAGE}.api.{file.parent.name}.{file.stem}") for file in files}


@pytest.fixture
def alice(package: Path, server: Served) -> Iterator[Any]:
    client = import_module(f"{PACKAGE}.client").AuthenticatedClient
    with client(base_url=server.url, token=server.issuer.token("alice")) as made:
        yield made


def models() -> Any:
    return import_module(f"{PACKAGE}.models")


def test_each_operation_has_a_function(calls: dict[str, ModuleType]) -> None:
    assert len(calls) == len(OPERATIONS) > 25
    for module in calls.values():
        assert callable(module.sync_detailed)


def test_each_body_of_a_success_has_a_type(calls: dict[str, ModuleType]) -> None:
    """Of two schemas with one title, a generator knows only one: the responses of the other have no type."""
    has_body = sum(
        any("content" in response for status, response in operation["responses"].items() if status.startswith("2"))
        for operation in OPERATIONS.values()
    )
    # Without a type for any response, there is no `sync`.
    parsed = [
        module for module in calls.values() if "from_dict(response.json())" in Path(module.__file__ or "").read_text()
    ]

    assert len(parsed) >= has_body > 15


def test_calls_are_typed_and_succeed(calls: dict[str, ModuleType], alice: Any) -> None:
    page = calls["access_orgs_list_orgs"].sync(client=alice, limit=1)
    assert isinstance(page, models().PageOfOrg)
    assert [type(org) for org in page.items] == [models().Org]

    made = calls["access_orgs_create_org"].sync(client=alice, body=models().NewOrg(name="Generated", slug="generated"))
    assert isinstance(made, models().Org)
    changed = calls["access_orgs_update_org"].sync(made.id, client=alice, body=models().OrgPatch(description="new"))
    assert (changed.id, changed.name, changed.description) == (made.id, "Generated", "new")
    assert calls["access_orgs_get_org"].sync(made.id, client=alice) == changed


def test_refusal_is_a_typed_problem(calls: dict[str, ModuleType], alice: Any, server: Served) -> None:
    hidden = calls["access_orgs_get_org"].sync_detailed(demo.GLOBEX, client=alice)
    assert (hidden.status_code, type(hidden.parsed)) == (404, models().Problem)

    with import_module(f"{PACKAGE}.client").Client(base_url=server.url) as nobody:
        assert calls["access_orgs_get_org"].sync_detailed(demo.ACME, client=nobody).status_code == 401
