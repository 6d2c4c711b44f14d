from pathlib import Path

import pytest

from org_common.tools.project.project import Project, ProjectError


def write(folder: Path, text: str) -> Path:
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")
    return folder


def test_project_is_read_from_a_folder_inside_it(tmp_path: Path) -> None:
    write(
        tmp_path,
        """
        [tool.org-common]
        apps = ["shop.orders:app", "shop.bills:app"]
        migrations = ["shop", "billing=db/migrations"]
        extensions = ["vector", "uuid-ossp"]
        demo = "shop.demo"
        public = ["GET /health", "POST /hooks/{provider}"]
        layer.exclude = ["boto3"]
        """,
    )
    inside = tmp_path / "src" / "shop"
    inside.mkdir(parents=True)

    assert Project.find(inside) == Project(
        root=tmp_path,
        apps=("shop.orders:app", "shop.bills:app"),
        migrations=("shop", "billing=db/migrations"),
        extensions=("vector", "uuid-ossp"),
        demo="shop.demo",
        public=("GET /health", "POST /hooks/{provider}"),
        name=tmp_path.name,
    )


def test_name_and_version_are_those_of_the_distribution(tmp_path: Path) -> None:
    write(tmp_path, '[project]\nname = "shop"\nversion = "1.2"\n[tool.org-common]')

    project = Project.find(tmp_path)

    assert (project.name, project.version) == ("shop", "1.2")


def test_all_keys_may_be_left_out(tmp_path: Path) -> None:
    write(tmp_path, "[tool.org-common]")

    assert Project.find(tmp_path) == Project(tmp_path, name=tmp_path.name)


def test_nearest_file_counts(tmp_path: Path) -> None:
    write(tmp_path, "[tool.org-common]")
    inner = tmp_path / "inner"
    inner.mkdir()
    write(inner, "[tool.org-common]")

    assert Project.find(inner).root == inner


def test_relative_start_gives_an_absolute_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "[tool.org-common]")
    (tmp_path / "src").mkdir()
    monkeypatch.chdir(tmp_path / "src")

    assert Project.find(Path()).root == tmp_path


def test_no_pyproject_is_reported_with_an_example(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=r"(?s)no pyproject\.toml in .*\[tool\.org-common\]"):
        Project.find(tmp_path)


@pytest.mark.parametrize("text", ["", "[project]\nname = 'x'", "tool = 1", "[tool.ruff]"])
def test_no_table_is_reported_with_an_example(tmp_path: Path, text: str) -> None:
    with pytest.raises(ProjectError, match=r"(?s)has no table \[tool\.org-common\].*apps = "):
        Project.find(write(tmp_path, text))


@pytest.mark.parametrize(
    ("line", "problem", "example"),
    [
        ('apps = "shop:app"', "apps must be a list of strings, not a string", 'apps = ["shop.orders:app"]'),
        ("apps = [1]", "apps must be a list of strings, but contains a number", 'apps = ["shop.orders:app"]'),
        ('apps = ["shop"]', "apps contains 'shop', which is not of the form module:name", "shop.orders:app"),
        ('apps = ["shop.orders:"]', "which is not of the form module:name", "shop.orders:app"),
        ("migrations = {}", "migrations must be a list of strings, not a table", 'migrations = ["shop"]'),
        (
            'migrations = [""]',
            "migrations must be a list of strings, but contains an empty string",
            'migrations = ["shop"]',
        ),
        ("migrations = [[]]", "migrations must be a list of strings, but contains a list", 'migrations = ["shop"]'),
        ("demo = true", "demo must be a string, not a boolean", 'demo = "shop.demo"'),
        ('demo = ""', "demo must be a string, not an empty string", 'demo = "shop.demo"'),
        ("demo = 2026-11-23", "demo must be a string, not date", 'demo = "shop.demo"'),
        ("migration = []", "migration is not a valid key.* did you mean migrations?", "migrations = "),
        (
            "zzz = 1",
            "zzz is not a valid key: valid keys are apps, migrations, extensions, demo, public, layer",
            "migrations = ",
        ),
    ],
)
def test_wrong_value_is_reported_with_file_key_and_example(
    tmp_path: Path, line: str, problem: str, example: str
) -> None:
    write(tmp_path, f"[tool.org-common]\n{line}")

    with pytest.raises(ProjectError, match=rf"pyproject\.toml: tool\.org-common.*{problem}") as caught:
        Project.find(tmp_path)

    assert example in str(caught.value)


def test_value_that_is_not_a_table_is_reported(tmp_path: Path) -> None:
    write(tmp_path, "tool.org-common = 1")

    with pytest.raises(ProjectError, match=r"tool\.org-common must be a table, not a number"):
        Project.find(tmp_path)


def test_broken_toml_is_reported_with_its_line(tmp_path: Path) -> None:
    write(tmp_path, "[tool.org-common]\napps = [")

    with pytest.raises(ProjectError, match=r"pyproject\.toml is not valid TOML: .*"):
        Project.find(tmp_path)


def test_other_encoding_than_utf_8_is_reported(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_bytes("# Ü".encode("latin-1"))

    with pytest.raises(ProjectError, match=r"pyproject\.toml cannot be read: 'utf-8'"):
        Project.find(tmp_path)


@pytest.mark.parametrize("route", ["/health", "GET", "GET health", "get /health", "GET  /health", "GET /a b", "*"])
def test_public_route_is_a_method_and_a_path(tmp_path: Path, route: str) -> None:
    write(tmp_path, f'[tool.org-common]\npublic = ["{route}"]')

    with pytest.raises(ProjectError, match=r"tool\.org-common\.public contains .*METHOD /path"):
        Project.find(tmp_path)


@pytest.mark.parametrize("name", ["Vector", "x y", 'x"; drop table t', "1", "vector;", "-"])
def test_name_that_no_extension_has_is_refused(tmp_path: Path, name: str) -> None:
    write(tmp_path, f"[tool.org-common]\nextensions = ['{name}']")

    with pytest.raises(ProjectError, match=r"(?s)tool\.org-common\.extensions contains .*extensions = \[\"vector\"\]"):
        Project.find(tmp_path)
