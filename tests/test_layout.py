"""The tree keeps its shape: small files, each with its tests."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = sorted(path.relative_to(ROOT / "src") for path in (ROOT / "src").rglob("*.py") if path.name != "__init__.py")

# A longer file is a question, not an error of style: which part of it is a noun of its own?
MAX_LINES = 400
MAX_BODY_LINES = 40
MAX_FILES = {"org_common": 8}
MAX_FILES_ELSEWHERE = 20

# A command is tested with the tool that it calls, SQL with the routes that run it.
UNMIRRORED = ("commands", "queries")


def test_each_source_has_its_tests() -> None:
    mirrors = [source.with_name(f"test_{source.name}") for source in SOURCES if source.parent.name not in UNMIRRORED]

    missing = [f"tests/{mirror}" for mirror in mirrors if not (ROOT / "tests" / mirror).exists()]

    assert not missing, "\n".join(missing)


def test_each_source_is_short() -> None:
    lines = {source: len((ROOT / "src" / source).read_text().splitlines()) for source in SOURCES}

    long = [f"{source} has {count} lines" for source, count in lines.items() if count > MAX_LINES]

    assert not long, "\n".join(long)
