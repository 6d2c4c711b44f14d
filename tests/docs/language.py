"""Counts that show how the documentation speaks to its reader: `python tests/docs/language.py`.

For each page and all together: words of prose, and per 1,000 of them negations and the word "you". Code is left out.
Fewer negations and more "you" read more easily: the documentation of httpx, starlette and svcs has 4 to 6 negations
and 15 to 34 times "you" (counted in November 2026).
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]

CODE = re.compile(
    r"^(?P<indent> *)(?P<fence>`{3,}|~{3,}).*?^(?P=indent)(?P=fence)[^\S\n]*$"
    r"|<!--.*?-->|^:::.*?$"
    r"|(?P<ticks>`+)(?!`).*?(?<!`)(?P=ticks)(?!`)"
    r"|(?<=\])\([^)\s]+\)"  # where a link leads
    r"|https?://\S+",
    re.MULTILINE | re.DOTALL,
)
WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
NEGATIONS = {"no", "not", "never", "none", "nothing", "nobody", "nowhere", "neither", "nor", "cannot", "without"}
YOU = {"you", "your", "yours", "yourself"}


class Counts(NamedTuple):
    words: int
    negations: int
    you: int

    def per_thousand(self) -> tuple[float, float]:
        """Negations and "you"."""
        thousands = max(self.words, 1) / 1000
        return self.negations / thousands, self.you / thousands


def pages(root: Path = ROOT) -> list[Path]:
    return [root / "README.md", *sorted((root / "docs").rglob("*.md"))]


def prose(markdown: str) -> str:
    """The page with blanks in place of code, comments and addresses; all lines stay where they are."""
    blanked = CODE.sub(lambda match: re.sub(r"\S", " ", match[0]), markdown)
    return "".join(unindented(blanked.splitlines(keepends=True)))


def unindented(lines: list[str]) -> Iterator[str]:
    """The lines, with blank ones for indented code. What is indented below a list's item or an admonition is prose."""
    is_code, is_nested, blank_before = False, False, True
    for line in lines:
        indented = line.startswith("    ")
        if line.strip():
            is_code = indented and not is_nested and (is_code or blank_before)
            if not line.startswith(" "):
                is_nested = re.match(r"[-*+] |\d+\. |!!! |\?\?\?", line) is not None
        yield "\n" if is_code else line
        blank_before = not line.strip()


def count(markdown: str) -> Counts:
    words = [word.lower().replace("’", "'") for word in WORD.findall(prose(markdown))]
    return Counts(
        len(words),
        sum(word in NEGATIONS or word.endswith("n't") for word in words),
        sum(word.partition("'")[0] in YOU for word in words),
    )


def total(counts: list[Counts]) -> Counts:
    return Counts(*map(sum, zip(*counts, strict=True)))


def main() -> None:
    counts = {page.relative_to(ROOT).as_posix(): count(page.read_text(encoding="utf-8")) for page in pages()}
    print(f"{'page':40} {'words':>7} {'negations':>10} {'you':>6}   per 1,000 words")
    for name, counted in [*counts.items(), ("all", total([*counts.values()]))]:
        negations, you = counted.per_thousand()
        print(f"{name:40} {counted.words:7,} {negations:10.1f} {you:6.1f}")


if __name__ == "__main__":
    main()
