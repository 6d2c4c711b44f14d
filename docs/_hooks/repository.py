"""Pages of the site from files outside docs/.

A page may link to any file of the repository, as it does when you read it there: `../README.md`, `../examples/notes/`.
Each Markdown file that a page or the navigation names becomes a page below project/, any other file is copied there,
and the links are rewritten.
"""

import posixpath
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

DOCS = "docs"
PROJECT = "project"

# Code comes first, so that what looks like a link in it is left alone.
LINK = re.compile(
    r"^(?P<fence>```|~~~).*?^(?P=fence)|(?P<ticks>`+)(?!`).*?(?<!`)(?P=ticks)(?!`)|\]\((?P<link>[^)#\s]+)(?=[)#])",
    re.MULTILINE | re.DOTALL,
)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what pages and the navigation name, and what those pages link to in their turn."""
    root = Path(config.config_file_path).parent
    targets = [repository_path(uri) for uri in leaves(config.nav)]
    for file in files.documentation_pages():
        targets += linked(repository_path(file.src_uri), file.content_string)
    while targets:
        found = existing(root, targets.pop())
        if found is not None and files.get_file_from_path(uri(found)) is None:
            file = File.generated(config, uri(found), abs_src_path=str(root / found))
            files.append(file)
            if file.is_documentation_page():
                targets += linked(found, file.content_string)
    return files


def leaves(nav: Any) -> Iterator[str]:
    """The paths in a navigation."""
    if isinstance(nav, str):
        yield nav
    elif nav is not None:
        for entry in nav.values() if isinstance(nav, dict) else nav:
            yield from leaves(entry)


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Point the links to where the files are in the site."""
    here = page.file.src_uri
    source = repository_path(here)
    root = Path(config.config_file_path).parent

    def replaced(match: re.Match[str]) -> str:
        link = match["link"]
        if link is None or is_external(link):
            return match[0]
        target = resolve(source, link)
        found = existing(root, target)
        if found is None:
            # MkDocs reports it.
            return match[0]
        return "](" + posixpath.relpath(uri(found), posixpath.dirname(here) or ".")

    return LINK.sub(replaced, markdown)


def linked(source: str, markdown: str) -> Iterator[str]:
    """The paths in the repository that a page links to."""
    links = (match["link"] for match in LINK.finditer(markdown))
    return map(partial(resolve, source), (link for link in links if link and not is_external(link)))


def is_external(link: str) -> bool:
    return re.match(r"[a-z][a-z0-9+.-]*:|//|/", link) is not None


def resolve(source: str, link: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(source), link))


def existing(root: Path, target: str) -> str | None:
    """The file that a link means: of a folder its README. None if there is no such file in the repository."""
    if target.startswith("../"):
        return None
    if (root / target).is_dir():
        target = posixpath.join(target, "README.md")
    return target if (root / target).is_file() else None


def uri(path: str) -> str:
    """Where a file of the repository is in the site's sources."""
    prefix = f"{DOCS}/"
    return path.removeprefix(prefix) if path.startswith(prefix) else posixpath.join(PROJECT, path)


def repository_path(uri: str) -> str:
    prefix = f"{PROJECT}/"
    return uri.removeprefix(prefix) if uri.startswith(prefix) else posixpath.join(DOCS, uri)
