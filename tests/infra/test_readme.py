"""infra/README.md has every variable and output of the modules, as they are described."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

INFRA = Path(__file__).parents[2] / "infra"
README = (INFRA / "README.md").read_text()
MODULES = ("stack", "function", "service", "needs")


def described(module: str, kind: str) -> dict[str, tuple[str, bool]]:
    """The descriptions of variables or outputs by name, and whether they have a default."""
    found = {}
    text = (INFRA / "modules" / module / f"{kind}s.tf").read_text()
    for name, block in re.findall(rf'^{kind} "(\w+)" {{\n(.*?)^}}', text, re.MULTILINE | re.DOTALL):
        quoted = re.search(r'^  description\s*= "(.*)"$', block, re.MULTILINE)
        heredoc = re.search(r"^  description\s*= <<-EOT\n(.*?)^  EOT$", block, re.MULTILINE | re.DOTALL)
        words = quoted[1] if quoted else heredoc[1] if heredoc else ""
        found[name] = (" ".join(words.split()), re.search(r"^  default\s*=", block, re.MULTILINE) is not None)
    return found


def table(module: str, kind: str) -> list[str]:
    """The rows as the README has them."""
    if kind == "output":
        return [f"| `{name}` | {words} |" for name, (words, _) in described(module, kind).items()]
    return [
        f"| `{name}` | {words} | {'' if has_default else 'yes'} |"
        for name, (words, has_default) in described(module, kind).items()
    ]


@pytest.mark.parametrize("kind", ["variable", "output"])
@pytest.mark.parametrize("module", MODULES)
def test_table_is_complete(module: str, kind: str) -> None:
    section = README.partition(f"## Module {module}\n")[2].partition("\n## ")[0]
    part = section.partition(f"### {kind.capitalize()}s\n")[2].partition("\n### ")[0]

    assert re.findall(r"^\| `.*$", part, re.MULTILINE) == table(module, kind)
    assert all(words for words, _ in described(module, kind).values())


def test_every_module_is_described() -> None:
    assert tuple(re.findall(r"^## Module (\w+)$", README, re.MULTILINE)) == MODULES
    assert {path.name for path in (INFRA / "modules").iterdir()} == set(MODULES)


def test_versions_are_those_of_the_modules() -> None:
    for module in MODULES[:3]:
        text = (INFRA / "modules" / module / "versions.tf").read_text()
        [terraform], [provider] = re.findall(r'required_version = "(.+)"', text), re.findall(r' version = "(.+)"', text)
        assert f"Terraform `{terraform}`" in README
        assert f"provider `{provider}`" in README
