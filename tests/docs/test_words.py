"""The list of words that we do not use finds what it should, and leaves names and SQL alone."""

from pathlib import Path

import pytest

from tests.docs.words import NOT_YET, ROOT, WORDS, findings


def found(folder: Path, name: str, text: str) -> list[tuple[int, str]]:
    path = folder / name
    path.write_text(text)
    return [(finding.line, finding.word) for finding in findings(path, folder)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('"""Whoever calls."""', [(1, "Whoever")]),
        ('"""First.\n\nIt goes by\nitself."""', [(3, "by itself")]),
        ("x = 1  # he is told", [(1, "he"), (1, "is told")]),
        ("# by\n# itself\nx = 1", [(1, "by itself")]),
        ("# by\nx = 1\n# itself", []),
        ('f"{1} is no number"', [(1, "is no")]),
        ("nobody = besides = whom = 1", []),
        ('"select 1 from besides"', []),
        ('"There is no row."', []),
        ('"This is no longer one."', []),
        ('x = "nobody"  # allow-word: nobody, a role', []),
        ('x = "nobody", "whom"  # allow-word: nobody', [(1, "whom")]),
        ('x = """\nnobody\n"""  # allow-word: nobody', []),
    ],
)
def test_python(source: str, expected: list[tuple[int, str]], tmp_path: Path) -> None:
    assert found(tmp_path, "module.py", source + "\n") == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("A page.\n\nFor whoever\nreads it all the\nsame.", [(3, "whoever"), (4, "all the same")]),
        ("by\n\nitself", []),
        ("`nobody` and [here](whom.md)", []),
        ("```python\nnobody\n```", []),
        ("besides <!-- allow-word: besides -->", []),
    ],
)
def test_markdown(source: str, expected: list[tuple[int, str]], tmp_path: Path) -> None:
    assert found(tmp_path, "page.md", source + "\n") == expected


def test_finding_says_what_to_use(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text("It is mute.\n")

    assert [str(finding) for finding in findings(path, tmp_path)] == [f"page.md:1: mute -> {WORDS['mute']}"]


def test_exceptions_are_there() -> None:
    assert [entry for entry in NOT_YET if not (ROOT / entry).exists()] == []
