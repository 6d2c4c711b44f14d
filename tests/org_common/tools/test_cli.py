import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from org_common.tools.cli import main


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        found: int = probe.getsockname()[1]
    return found


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project, and the file `file`, in the current folder."""
    (tmp_path / "pyproject.toml").write_text('[tool.org-common]\napps = ["shop_cli_stub:app"]\n')
    (tmp_path / "shop_cli_stub.py").write_text("from org_common import App\n\napp = App('shop')\n")
    (tmp_path / "file").touch()
    monkeypatch.setattr("sys.path", sys.path.copy())
    monkeypatch.delitem(sys.modules, "shop_cli_stub", raising=False)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_help_imports_no_tool() -> None:
    code = """
import sys
from org_common.tools.cli import main
main(["db", "--help"], standalone_mode=False)
print("loaded:", sorted({"psycopg", "pydantic", "org_common.tools.database.schema", "uvicorn"} & set(sys.modules)))
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "bootstrap" in result.stdout
    assert result.stdout.endswith("loaded: []\n")


def test_without_the_extra_it_reports_how_to_get_it() -> None:
    code = "import sys; sys.modules['click'] = None; import org_common.tools.cli"

    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert result.returncode == 1
    assert "pip install 'org-common[dev]'" in result.stderr
    assert "Traceback" not in result.stderr


def test_tool_that_lacks_a_package_reports_so_too() -> None:
    code = """
import sys
sys.modules["psycopg"] = None
from org_common.tools.cli import main
main(["db", "migrate", "--url", "postgresql://h/d"])
"""

    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert result.returncode == 1
    assert "pip install 'org-common[dev]'" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("openapi", "--out", "file/x.json"),
        ("openapi", "--out", "nowhere/x.json"),
        ("token", "ann", "--data", "file/x"),
        ("layer", "build", "--out", "file/x"),
        ("dev", "--no-reload", "--port", "{port}", "--data", "file/x"),
    ],
)
def test_path_that_cannot_be_written_is_one_line(shop: Path, arguments: tuple[str, ...]) -> None:
    result = CliRunner().invoke(main, [each.format(port=free_port()) for each in arguments])

    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1), result.stderr
    assert arguments[-1] in result.stderr


@pytest.mark.parametrize(
    ("arguments", "variables", "message"),
    [
        (("--url", "postgres//u:s3cret@h/x"), {}, "Error: --url: the database URL is not valid"),
        ((), {"ORG_COMMON_MIGRATOR_URL": "nonsense"}, "Error: ORG_COMMON_MIGRATOR_URL: the database URL"),
        (("--url", "postgresql://u:s3cret@127.0.0.1:1/x"), {}, "Error: --url: cannot connect as u: "),
    ],
)
def test_connection_error_names_the_option_or_variable_of_the_url(
    arguments: tuple[str, ...], variables: dict[str, str], message: str, shop: Path
) -> None:
    result = CliRunner().invoke(main, ["db", "migrate", *arguments], env=variables)

    assert (result.exit_code, result.stderr.startswith(message)) == (1, True), result.stderr
    assert "s3cret" not in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("db", "migrate", "--url", ""), "the URL is empty"),
        (("outbox", "refused", "--url", ""), "the URL is empty"),
        (("token", "ann", "--data", ""), "the folder's path is empty"),
        (("dev", "--check", "--port", "8010"), "--check picks a free port: remove --port"),
        (("coldstart", "shop_cli_stub:nothing"), "shop_cli_stub:nothing cannot be loaded: module"),
        (("coldstart", "nowhere_stub:app"), "nowhere_stub:app cannot be loaded: No module named"),
        (("coldstart", "shop_cli_stub:app", "--event", "file"), "file is not valid JSON: "),
    ],
)
def test_unusable_arguments_are_reported(shop: Path, arguments: tuple[str, ...], message: str) -> None:
    result = CliRunner().invoke(main, arguments)

    assert (result.exit_code != 0, message in result.stderr) == (True, True), result.output
    assert sorted(file.name for file in shop.iterdir() if file.name != "__pycache__") == [
        "file",
        "pyproject.toml",
        "shop_cli_stub.py",
    ]
