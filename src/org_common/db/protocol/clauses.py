"""The clauses at the end of a SELECT: which of ORDER BY, LIMIT, OFFSET and FETCH apply to all of its rows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from org_common.db.protocol.placeholders import comment_end

# Strings, quoted names and comments in one token each: what is in them is not a clause. E'' alone has backslashes.
_TOKEN = re.compile(
    r"""
    (?P<skipped>
        --[^\n\r]*
      | [eE]'(?:[^'\\]|''|\\.)*'
      | '[^']*'?
      | "[^"]*"?
      | \$(?P<tag>(?:[^\W\d]\w*)?)\$.*?\$(?P=tag)\$
      | \s+
    )
    | (?P<word>[^\W\d][\w$]*)
    | (?P<comment>/\*)
    | .
    """,
    re.VERBOSE | re.DOTALL,
)
_CLAUSES = {"order": "ORDER BY", "limit": "LIMIT", "offset": "OFFSET", "fetch": "FETCH"}


def outer_clauses(text: str) -> list[str]:
    """The clauses of the outermost SELECT, `["ORDER BY", "LIMIT"]`; those within parentheses are not among them.

    All four words are reserved: they begin a clause everywhere but behind AS and a dot, where any word is a name.
    The ORDER BY that DISTINCT ON needs is not counted: it picks the rows, and does not sort the list.
    """
    words = _outer(list(_tokens(text)))
    found = [
        _CLAUSES[word] for before, word in pairwise(["", *words]) if word in _CLAUSES and before not in ("as", ".")
    ]
    is_distinct_on = ("distinct", "on") in pairwise(words)
    return [clause for clause in found if clause != "ORDER BY" or not is_distinct_on]


def _outer(tokens: list[str]) -> list[str]:
    """The tokens outside of all parentheses; of a SELECT that is wrapped in parentheses, those within."""
    outer: list[str] = []
    depth, opened = 0, 0
    for at, token in enumerate(tokens):
        if depth == 0:
            opened = at
        depth += {"(": 1, ")": -1}.get(token, 0)
        if depth == 0:
            outer.append(token)
    # `(select ...)`, and behind the CTEs of `with x as (...) (select ...)`.
    if tokens and tokens[-1] == ")" and depth == 0 and outer[-2:-1] in ([], [")"]):
        return _outer(tokens[opened + 1 : -1])
    return outer


def _tokens(text: str) -> Iterator[str]:
    """Words in lower case, and every other character; without white space, comments, strings and quoted names."""
    at = 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            return
        if token["comment"]:
            at = comment_end(text, at)
            continue
        at = token.end()
        if token["word"]:
            yield token[0].lower()
        elif token["skipped"] is None:
            yield token[0]
        elif token[0][0] in "'\"$eE":
            yield "''"
