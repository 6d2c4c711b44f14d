import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from org_common.tools.cli import main

ROOT = Path(__file__).parents[4]


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["openapi", *arguments])


def saved(tmp_path: Path, **changed: Any) -> Path:
    document = json.loads(run().output)
    file = tmp_path / "old.json"
    file.write_text(json.dumps({**document, **changed}))
    return file


def test_document_is_printed() -> None:
    document = json.loads(run("--title", "CORA", "--api-version", "7", "--server", "https://api.test").output)

    assert document["info"] == {"title": "CORA", "version": "7"}
    assert document["servers"] == [{"url": "https://api.test"}]


def test_project_has_name_and_version() -> None:
    assert json.loads(run().output)["info"]["title"] == "org-common"


def test_document_is_written(tmp_path: Path) -> None:
    file = tmp_path / "openapi.json"

    done = run("--out", str(file))

    assert (done.exit_code, done.output) == (0, "")
    assert file.read_text() == run().output


def test_rules_can_be_left_out() -> None:
    assert "x-rule" in run().output
    assert "x-rule" not in run("--public").output


def test_same_document_has_no_changes(tmp_path: Path) -> None:
    done = run("--diff", str(saved(tmp_path)))

    assert (done.exit_code, done.output) == (0, "no changes\n")


def test_breaking_change_fails(tmp_path: Path) -> None:
    gone = {"/gone": {"get": {"operationId": "x", "responses": {}}}}
    file = saved(tmp_path, paths=gone)

    done = run("--diff", str(file))

    assert done.exit_code == 1
    assert "BREAKING    GET /gone: removed (operation-removed)\n" in done.output
    assert done.output.splitlines()[-1].startswith("1 breaking and ")


def test_compatible_change_passes(tmp_path: Path) -> None:
    done = run("--diff", str(saved(tmp_path, paths={})))

    assert done.exit_code == 0
    assert "compatible  GET /orgs: added (operation-added)\n" in done.output


def test_changes_as_json(tmp_path: Path) -> None:
    done = run("--diff", str(saved(tmp_path, paths={})), "--json")

    report = json.loads(done.output)
    assert report["breaking"] == 0
    assert {"breaking", "kind", "where", "part", "detail"} == report["changes"][0].keys()


@pytest.mark.parametrize(
    ("text", "words"), [("{", "not valid JSON"), ("[]", "not an OpenAPI"), ("{}", "not an OpenAPI")]
)
def test_other_file_is_refused(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "old.json"
    file.write_text(text)

    done = run("--diff", str(file))

    assert done.exit_code == 1
    assert words in done.output


def test_json_without_diff_is_refused() -> None:
    done = run("--json")

    assert done.exit_code == 2
    assert "--json needs --diff" in done.output
