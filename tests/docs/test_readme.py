"""The README: short, and true of the repository that it stands in."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *(ROOT / "docs").rglob("*.md"),
    *(ROOT / "examples").rglob("*.md"),
]
LINKS = [(page, link) for page in PAGES for link in re.findall(r"\]\((?!https?:)([^)]+)\)", page.read_text())]


def test_readme_is_short() -> None:
    assert len(README.splitlines()) < 120


@pytest.mark.parametrize("session", ["dev", "tests"])
def test_command_is_one_line(session: str) -> None:
    command = f"python3 -m venv .venv && .venv/bin/pip install -q nox && .venv/bin/nox -s {session}"

    assert f"\n    {command}\n" in README
    assert f"\ndef {session}(session: nox.Session)" in (ROOT / "noxfile.py").read_text()


def test_handler_is_a_real_one() -> None:
    [shown] = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    source = (ROOT / "src" / "cora_modules" / "access" / "orgs.py").read_text()
    app, rule, handler = re.split(r"\n{2,}", shown.strip())[-3:]

    assert app in source
    assert rule in source
    assert handler in source


@pytest.mark.parametrize(("page", "link"), LINKS, ids=lambda value: str(getattr(value, "name", value)))
def test_link_leads_somewhere(page: Path, link: str) -> None:
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page

    assert target.exists()
    # An image's is for the color scheme that it is shown in.
    assert not anchor or (target.suffix == ".png" and anchor.startswith("only-")) or anchor in anchors(target)


def anchors(page: Path) -> set[str]:
    """The names of a page's headings, as GitHub and MkDocs make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\s-]", "", heading).strip().lower().replace(" ", "-") for heading in headings}
