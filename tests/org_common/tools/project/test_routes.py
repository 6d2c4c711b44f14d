"""Who may do what, on one page; and nothing is open to all by an oversight."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from org_common import PUBLIC, SIGNED_IN, TOKEN, App, Check, OrgCheck, SysCheck
from org_common.tools.cli import main
from org_common.tools.project.project import Project
from org_common.tools.project.routes import check_public, format_table, list_routes, routes_of

ROOT = Path(__file__).parents[3]

app = App("orders")


@app.get("/health", allow=PUBLIC)
def health() -> str:
    """Up or not."""
    return "up"


@app.post("/orgs/{org_id}/orders", allow=OrgCheck("org_user") & Check("g()"))
def add(org_id: str) -> str:
    return org_id


app.get("/me", allow=TOKEN)(health)
app.get("/mine", allow=SIGNED_IN)(health)
app.get("/admin/sys/all", allow=SysCheck("sys_admin"))(health)


def test_each_route_is_listed_with_its_rule() -> None:
    assert [(each.method, each.path, each.rule, each.caller, each.role) for each in routes_of([app])] == [
        ("GET", "/health", "PUBLIC", "anyone", "anon"),
        ("POST", "/orgs/{org_id}/orders", "(OrgCheck('org_user') & Check('g()'))", "user", "authenticated"),
        ("GET", "/me", "TOKEN", "token", "authenticated"),
        ("GET", "/mine", "SIGNED_IN", "user", "authenticated"),
        ("GET", "/admin/sys/all", "SysCheck('sys_admin')", "user", "app_sys"),
    ]
    assert routes_of([app])[0].summary == "Up or not."


def test_table_is_in_columns() -> None:
    lines = format_table(routes_of([app]))

    assert lines[0].split() == ["method", "path", "rule", "app"]
    assert {
        line.index(word) for line, word in zip(lines[1:], ("/health", "/orgs", "/me", "/mine", "/admin"), strict=True)
    } == {8}
    assert all(line.endswith("  orders") for line in lines[1:])


def test_public_route_that_is_not_listed_is_a_fault() -> None:
    assert check_public(routes_of([app]), ["GET /health"]) == []
    [violation] = check_public(routes_of([app]), [])
    assert violation == (
        "GET /health is PUBLIC: give it an access rule, or list it in pyproject.toml,"
        ' [tool.org-common] public = ["GET /health"]'
    )


@pytest.mark.parametrize("route", ["GET /gone", "POST /health", "GET /me"])
def test_listed_route_that_is_not_public_is_a_fault(route: str) -> None:
    assert check_public(routes_of([app]), ["GET /health", route]) == [
        f"{route} is listed as public in pyproject.toml, but no such route is PUBLIC: remove it from the list"
    ]


def test_no_route_of_this_repository_is_open_by_an_oversight() -> None:
    project = Project.find(ROOT)
    found = list_routes(project)

    assert len(found) >= 9
    assert check_public(found, project.public) == []


# --- the command -------------------------------------------------------------------------------


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pyproject.toml").write_text('[tool.org-common]\napps = ["shop_of_routes:app"]')
    (tmp_path / "shop_of_routes.py").write_text(
        "from org_common import PUBLIC, App\napp = App('shop')\n@app.get('/health', allow=PUBLIC)\n"
        "def health() -> str:\n    return 'up'\n"
    )
    monkeypatch.chdir(tmp_path)
    # Taken off again with the folder.
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_check_fails_on_what_is_open_and_not_listed(shop: Path) -> None:
    first = CliRunner().invoke(main, ["routes", "--check"])
    (shop / "pyproject.toml").write_text('[tool.org-common]\napps = ["shop_of_routes:app"]\npublic = ["GET /health"]')
    second = CliRunner().invoke(main, ["routes", "--check"])

    assert (first.exit_code, second.exit_code) == (1, 0)
    assert "violation: GET /health is PUBLIC" in first.stderr
    assert second.stderr == ""


def test_without_check_it_lists(shop: Path) -> None:
    done = CliRunner().invoke(main, ["routes"])

    assert (done.exit_code, done.stdout.splitlines()[1].split()) == (0, ["GET", "/health", "PUBLIC", "shop"])


def test_json_is_for_programs(shop: Path) -> None:
    [route] = json.loads(CliRunner().invoke(main, ["routes", "--json"]).stdout)

    assert route == {
        "app": "shop",
        "method": "GET",
        "path": "/health",
        "rule": "PUBLIC",
        "caller": "anyone",
        "role": "anon",
        "summary": "",
    }
