"""The page of changes, from the fragments in changelog/."""

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

TYPES = ("added", "changed", "fixed", "removed")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    folder = Path(config.config_file_path).parent / "changelog"
    files.append(File.generated(config, "changelog.md", content=page(folder)))
    return files


def page(folder: Path) -> str:
    """A heading for each type of change, and below it an item for each fragment."""
    lines = ["# Changelog", "", "## Unreleased", ""]
    for type in TYPES:
        fragments = sorted(folder.glob(f"*.{type}.md"))
        if fragments:
            lines += [f"### {type.capitalize()}", "", *map(item, fragments), ""]
    return "\n".join(lines)


def item(fragment: Path) -> str:
    """A fragment is a few sentences. On one line, none of its words is taken for a list: `409.` would be."""
    return "- " + " ".join(fragment.read_text(encoding="utf-8").split())
