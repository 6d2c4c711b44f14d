"""Pages of the site without the invisible parts of their snippets, which only the tests execute."""

import re

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

INVISIBLE = re.compile(r"^<!--- invisible-code-block: .*?^--->\n+", re.MULTILINE | re.DOTALL)


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    return INVISIBLE.sub("", markdown)
