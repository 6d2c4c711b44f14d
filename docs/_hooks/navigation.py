"""The navigation takes all pages of a folder, in the order below, and the search shows the guides first."""

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

# The pages of each folder that come first. All others follow by name.
ORDER = {
    "guides": [
        "routing", "requests", "responses", "streaming", "error-handling", "middleware", "authentication",
        "authorization", "database", "migrations", "transactions", "pagination", "secrets", "observability", "openapi",
        "frameworks",
    ],
    "reference": ["app", "settings", "errors", "cli", "lint", "testing", "glossary"],
    "reference/api": ["app", "http", "models", "database", "identity", "errors", "secrets", "telemetry", "testing"],
    "operations": [
        "deployment", "layer", "database", "check", "containers", "streaming", "coldstart", "doctor", "reliability",
    ],
}  # fmt: skip

TITLES = {"reference/api": "API"}

# Of a term that is in a guide and in one of these, search shows the guide first.
LESS_RELEVANT = ("reference/api/", "project/", "changelog.md")

Entry = str | dict[str, "str | list[Entry]"]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    pages = [file.src_uri for file in files.documentation_pages()]
    config.nav = [expanded(entry, pages) for entry in config.nav or []]
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    if page.file.src_uri.startswith(LESS_RELEVANT):
        page.meta.setdefault("search", {"boost": 0.5})
    return markdown


def expanded(entry: Entry, pages: list[str]) -> Entry:
    """The entry, or with a folder's name in it the folder's pages."""
    if isinstance(entry, str):
        return entry
    [(title, value)] = entry.items()
    return {title: section(value.rstrip("/"), pages) if isinstance(value, str) and value.endswith("/") else value}


def section(folder: str, pages: list[str]) -> list[Entry]:
    """The pages of a folder, and its folders behind them."""
    inside = [page.removeprefix(f"{folder}/") for page in pages if page.startswith(f"{folder}/")]
    names = {name.removesuffix(".md") for name in inside if "/" not in name}
    order = ORDER.get(folder, [])
    first = [name for name in order if name in names]
    ordered: list[Entry] = [f"{folder}/{name}.md" for name in [*first, *sorted(names.difference(order))]]
    for name in sorted({name.partition("/")[0] for name in inside if "/" in name}):
        below = f"{folder}/{name}"
        ordered.append({TITLES.get(below, name.capitalize()): section(below, pages)})
    return ordered
