from pathlib import Path

import pytest

from org_common.tools.layer.provided import missing, missing_or_none
from org_common.tools.layer.settings import LayerSettings
from org_common.tools.project.project import ToolError


@pytest.fixture(scope="module")
def settings() -> LayerSettings:
    """This repository's layers."""
    return LayerSettings.find(Path(__file__))


def found(settings: LayerSettings, folder: Path, text: str) -> list[str]:
    file = folder / "files.py"
    file.write_text(text)
    return [
        each.module
        for each in missing(settings, {"desk": folder / "files.py", "desk.files": file})
        if "." in each.importer
    ]


@pytest.mark.parametrize(
    ("text", "module"),
    [
        ("import uvicorn", "uvicorn"),
        ("import uvicorn.config as c", "uvicorn"),
        ("from uvicorn import run", "uvicorn"),
        ("def late():\n    import uvicorn", "uvicorn"),
        ("class A:\n    from uvicorn import run", "uvicorn"),
        ("import os, click", "click"),
        ("if True:\n    import click", "click"),
        ("try:\n    import click\nexcept ValueError:\n    pass", "click"),
        ("try:\n    import json5\nexcept ImportError:\n    import click", "click"),
        ("if TYPE_CHECKING:\n    import uvicorn\nelse:\n    import click", "click"),
        ("async def f():\n    async with a:\n        import click", "click"),
        ("match 1:\n    case 1:\n        import click", "click"),
        ("import yaml", "yaml"),
        ("import no_such_package", "no_such_package"),
        ("from org_common.testing import Client", "org_common.testing"),
        ("from org_common import testing", "org_common.testing"),
        ("import org_common.tools.cli", "org_common.tools.cli"),
    ],
)
def test_import_that_fails_in_lambda_is_found(settings: LayerSettings, tmp_path: Path, text: str, module: str) -> None:
    assert found(settings, tmp_path, text) == [module]


@pytest.mark.parametrize(
    "text",
    [
        "import json, xml.etree.ElementTree as e\nfrom collections.abc import Iterator",
        "import boto3\nfrom botocore.exceptions import ClientError\nimport urllib3, dateutil.parser",
        "import psycopg\nimport psycopg_binary, pydantic_core, orjson, annotated_types, typing_extensions",
        "import jwt\nfrom cryptography.hazmat import primitives",
        "from org_common import App, Reader\nimport org_common.telemetry.log\nfrom org_common.db import relay",
        "import desk.files\nfrom desk import anything\nfrom . import files\nfrom .. import x\nfrom .y import z",
        "if TYPE_CHECKING:\n    import uvicorn",
        "import typing\nif typing.TYPE_CHECKING:\n    import uvicorn",
        "try:\n    import uvicorn\nexcept ImportError:\n    uvicorn = None",
        "try:\n    import uvicorn\nexcept (ValueError, ModuleNotFoundError):\n    pass",
        "try:\n    import uvicorn\nexcept Exception:\n    pass",
        "try:\n    import uvicorn\nexcept:\n    pass",
        "x = 'import uvicorn'",
    ],
)
def test_import_that_works_or_may_fail_is_not_found(settings: LayerSettings, tmp_path: Path, text: str) -> None:
    assert found(settings, tmp_path, text) == []


def test_finding_names_importer_line_and_what_to_do(settings: LayerSettings, tmp_path: Path) -> None:
    file = tmp_path / "files.py"
    file.write_text("import os\n\nimport uvicorn\n\ndef f():\n    import uvicorn\n    import org_common.testing\n")

    texts = list(map(str, missing(settings, {"desk.files": file})))

    assert texts == [
        (
            "desk.files imports uvicorn (line 3), which no layer and no runtime has: add its package to"
            " [tool.org-common.layer.layers] and run `org-common layer lock`"
        ),
        "desk.files imports org_common.testing (line 7), which is for development: no layer has it",
    ]


def test_project_without_locks_has_no_findings(tmp_path: Path) -> None:
    (tmp_path / "files.py").write_text("import uvicorn")
    settings = LayerSettings(tmp_path, tmp_path / "layer")

    assert missing_or_none(settings, {"files": tmp_path / "files.py"}) == []
    with pytest.raises(ToolError, match="org-common layer lock"):
        missing(settings, {"files": tmp_path / "files.py"})


def test_packages_of_a_function_are_there_for_this_function_alone(settings: LayerSettings, tmp_path: Path) -> None:
    (tmp_path / "files.py").write_text("import pypdf")
    sources = {"files": tmp_path / "files.py"}

    assert missing_or_none(settings, sources, "cora_modules.kb.ingest:app") == []
    assert [each.module for each in missing_or_none(settings, sources, "cora_modules.kb.search:app")] == ["pypdf"]
