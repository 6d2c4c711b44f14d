"""A typed client that openapi-typescript generates from the document: it compiles, refuses mistakes, and it works."""

import json
import shutil
from pathlib import Path

import pytest

from cora_modules import demo
from org_common.tools.openapi.document import document
from org_common.tools.project import apps
from org_common.tools.project.project import Project
from tests.support import node
from tests.support.served import Served

pytestmark = pytest.mark.db

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the compiled client. Its mistakes are marked: one that the compiler accepts is an error."""
    folder = tmp_path_factory.mktemp("typescript")
    node.install(folder)
    (folder / "api.json").write_text(json.dumps(document(apps.load(Project.find(ROOT)), title="CORA")))
    node.run(folder, "openapi-typescript", "api.json", "--output", "api.d.ts", "--default-non-nullable=false")
    for name in ("cora.ts", "node.d.ts", "tsconfig.json"):
        shutil.copy(node.LOCKED / name, folder / name)
    node.run(folder, "tsc")
    return folder


def test_each_operation_has_a_type(compiled: Path) -> None:
    shown = (compiled / "api.d.ts").read_text()

    operations = [
        operation["operationId"]
        for methods in json.loads((compiled / "api.json").read_text())["paths"].values()
        for operation in methods.values()
    ]
    assert len(operations) > 25
    assert [name for name in operations if f'operations["{name}"]' not in shown] == []


def test_calls_are_typed_and_succeed(compiled: Path, server: Served) -> None:
    token = server.issuer.token("alice")

    printed = node.run(compiled, "node", "out/cora.js", server.url, token, str(demo.GLOBEX))

    assert json.loads(printed) == {"orgs": 1, "name": "Typed", "description": "new", "code": "not_found"}
