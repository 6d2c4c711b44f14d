from pathlib import Path

import pytest

from org_common.tools.scaffold.pyproject_edit import add, added


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("apps = []", 'apps = [\n  "b:app",\n]'),
        ('apps = ["a:app"]', 'apps = [\n  "a:app",\n  "b:app",\n]'),
        ('apps = [\n  "a:app", # why\n]', 'apps = [\n  "a:app", # why\n  "b:app",\n]'),
        ('apps = [\n  "a:app"\n]', 'apps = [\n  "a:app",\n  "b:app",\n]'),
        ('apps = ["b:app"]', 'apps = ["b:app"]'),
    ],
    ids=["empty", "one line", "with a comment", "without a comma", "there already"],
)
def test_entry_is_added_once(before: str, after: str) -> None:
    text = "# Ours.\n[project]\nname = 'a'  # quoted\n\n[tool.org-common]\n{}\ndemo = 'a.demo'\n"

    assert added(text.format(before), "apps", "b:app") == text.format(after)


def test_key_that_is_missing_is_added(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.org-common]\n")

    add(tmp_path, "migrations", "shop")

    assert (tmp_path / "pyproject.toml").read_text() == '[tool.org-common]\nmigrations = [\n  "shop",\n]\n'
