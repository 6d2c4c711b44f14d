"""Words that we do not use, and what we say instead: `python -m tests.docs.words [path ...]`.

They are looked for in the prose of the documentation, and in docstrings, comments and strings of the source; names and
SQL are left out. Each finding is a line `file:line: word -> say this`, and the exit code is then 1.

Where a word is right, say so in a comment on the same line (of a string: on its first or last line), with the word:
`# allow-word: besides, it is quoted` or `<!-- allow-word: besides -->`.
"""

import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.docs.language import prose

ROOT = Path(__file__).parents[2]

WORDS = {
    r"whoever|whomever": "name the actor: the handler, the caller, another thread",
    r"whom": "who, or name the actor",
    r"somebody|nobody|anybody|everybody": "name the actor, or someone, no one, anyone, everyone",
    r"he|him|his|himself": "they, the caller, the user",
    r"by itself": "automatically",
    r"of its own accord": "automatically",
    r"all the same": "anyway, still",
    r"the likes of": "such as",
    r"(?:is|are|was|were|been) told": "is reported, gets an error",
    r"rides? with": "is sent with",
    r"besides?": "with, next to, also",
    r"(?<!there\s)(?:is|are) no(?! longer\b| more\b| one\b)": "is not a valid ..., is not a ...",
    r"no more(?! than\b)": "no longer",
    r"there came": "got",
    r"was due": "expected",
    r"has to do with|have to do with": "is about, concerns",
    r"the way past": "bypass",
    r"(?:one|two|a|each|every|per|another) turns?": "round trip",
    r"preludes?": "session setup",
    r"ruled": "authorized",
    r"mute": "unresponsive",
    r"believe[ds]?": "trusted, cached",
    r"unlooked": "not checked yet",
    r"stands? (?:in|at|on|there|beside|behind|before|above|below)": "is in, is at",
}
# A phrase is found across the end of a line, too.
PATTERNS = [(re.compile(rf"\b(?:{word})\b".replace(" ", r"\s+"), re.IGNORECASE), say) for word, say in WORDS.items()]
ALLOWED = re.compile(r"allow-word: ([\w ]+)")

# Files and folders that are not yet rewritten. One without findings must leave this list.
NOT_YET: tuple[str, ...] = ()

SQL = re.compile(
    r"\s*(?:alter|begin|create|delete|do|drop|explain|grant|insert|reset|revoke|select|set|update|with)\s",
    re.IGNORECASE,
)


class Finding(NamedTuple):
    path: str
    line: int
    word: str
    say: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.word} -> {self.say}"


class Text(NamedTuple):
    """A piece of language, where it begins, and the words that are allowed in its lines."""

    line: int
    text: str
    allowed: frozenset[str] = frozenset()


def files(root: Path = ROOT) -> list[Path]:
    markdown = [root / "README.md", root / "CONTRIBUTING.md"]
    for folder in ("docs", "changelog"):
        markdown += sorted((root / folder).rglob("*.md"))
    return markdown + sorted((root / "src").rglob("*.py"))


def findings(path: Path, root: Path = ROOT) -> list[Finding]:
    source = path.read_text(encoding="utf-8")
    texts = python(source) if path.suffix == ".py" else markdown(source)
    name = path.relative_to(root).as_posix()
    return sorted(Finding(name, *found) for text in texts for found in unwanted(text))


def unwanted(text: Text) -> Iterator[tuple[int, str, str]]:
    for pattern, say in PATTERNS:
        for match in pattern.finditer(text.text):
            word = " ".join(match[0].split())
            if word.lower() not in text.allowed:
                yield text.line + text.text.count("\n", 0, match.start()), word, say


def markdown(source: str) -> Iterator[Text]:
    """The paragraphs, so that a phrase is found across lines."""
    lines = source.splitlines()
    paragraph: list[str] = []
    for number, line in enumerate([*prose(source).splitlines(), ""]):
        if line.strip():
            paragraph.append(line)
        elif paragraph:
            first = number - len(paragraph)
            yield Text(first + 1, "\n".join(paragraph), allowed(*lines[first:number]))
            paragraph = []


def python(source: str) -> Iterator[Text]:
    """Comments, those of neighbouring lines as one text, and strings."""
    lines = source.splitlines()
    comments: list[tuple[int, str]] = []
    middle = getattr(tokenize, "FSTRING_MIDDLE", None)
    for token in tokenize.generate_tokens(iter(source.splitlines(keepends=True)).__next__):
        row = token.start[0]
        if token.type == tokenize.COMMENT:
            if comments and comments[-1][0] != row - 1:
                yield joined(comments)
                comments = []
            comments.append((row, token.string))
        elif token.type in (tokenize.STRING, middle) and not SQL.match(token.string.lstrip("rRbBfFuU").lstrip("\"'")):
            yield Text(row, token.string, allowed(lines[row - 1], lines[token.end[0] - 1]))
    if comments:
        yield joined(comments)


def joined(comments: list[tuple[int, str]]) -> Text:
    lines = [line for _, line in comments]
    return Text(
        comments[0][0], "\n".join(line.lstrip("#").partition("allow-word:")[0] for line in lines), allowed(*lines)
    )


def allowed(*lines: str) -> frozenset[str]:
    return frozenset(match[1].strip().lower() for line in lines for match in ALLOWED.finditer(line))


def is_below(path: str, parents: tuple[str, ...]) -> bool:
    return any(path == parent or path.startswith(f"{parent}/") for parent in parents)


def main(paths: list[str]) -> int:
    """Print what is found: in the files that are named, or in all but those that are not yet rewritten."""
    if paths:
        found = [finding for path in paths for finding in findings(Path(path).resolve())]
        print(*found, sep="\n", end="\n" if found else "")
        return 1 if found else 0
    found = [finding for path in files() for finding in findings(path)]
    unexpected = [finding for finding in found if not is_below(finding.path, NOT_YET)]
    print(*unexpected, sep="\n", end="\n" if unexpected else "")
    done = [entry for entry in NOT_YET if not any(is_below(finding.path, (entry,)) for finding in found)]
    for entry in done:
        print(f"{entry}: nothing is found any more; take it off NOT_YET in tests/docs/words.py")
    return 1 if unexpected or done else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
