"""Masks the values of secret names within a string: `password=…`, `'token', '…'`, `<secret>…</secret>`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from org_common.telemetry.secret_names import SecretNames

MASK = "***"
MAX_NAME_LENGTH = 60
# An encoded space or tab, such as %20, in a decoded string: one between a name and its value does not end a value.
SPACE, TAB = "\u2003", "\u2002"


class Lazy:
    """A pattern compiled on first use: compiling all takes 3 ms, and most are never needed."""

    __slots__ = ("_compiled", "_flags", "_pattern")

    def __init__(self, pattern: str, flags: int = 0) -> None:
        self._pattern = pattern
        self._flags = flags
        self._compiled: re.Pattern[str] | None = None

    def __call__(self) -> re.Pattern[str]:
        if self._compiled is None:
            self._compiled = re.compile(self._pattern, self._flags)
        return self._compiled


_SEPARATOR = Lazy(r"[:=\uff1a\uff1d]")
# Matched backwards from a separator: `"X-Api-Key"`, `api key`, `\"password\"`, `config['password']`, `password   `.
_NAME_BACKWARDS = Lazy(r"[?!+|:]?\s{0,60}[\])]{0,2}[\"'`]?\\*([\w.-]{1,60}(?: [\w.-]{1,40})?)")
_LOOK_BACK = 170
# Python's prefixes b, r and u of a quoted value belong to it, as does YAML's sign of a block.
_VALUE = Lazy(
    r"((?:[:=>]|&gt;){0,8}(?:\s|\\+[nrt]){0,60}(?:(?:[|>]|&gt;)[-+\d]{0,2}(?:\s|\\+[nrt]){1,60})?)(?:[bru](?=[\"']))?",
    re.IGNORECASE,
)
# `password: str = …`: the value follows the type.
_ASSIGNED = Lazy(r"\s{0,8}:?=(?!=)\s{0,8}")
# Values of these names continue over spaces, commas and semicolons.
_TO_THE_END = Lazy(r"authori[sz]ation|cookie|phrase|mnemonic")
_QUOTE = Lazy(r"(\\*)([\"'`])")
_BARE = Lazy(r"(?:\\\s|[\S\u2002\u2003])*")
# `tokens: abc, def`
_LIST = Lazy(r"(?:[^\s,]|[\u2002\u2003])*(?:,\s{0,4}(?![\w.\"' -]{1,60}[:=])(?:\\\s|[\u2002\u2003]|[^\s,])+)*")
_QUERY = Lazy(r"(?:[^\s\"'&]|[\u2002\u2003])*")
_LINE = Lazy(r"[^\r\n]*")
_ENDING = ".,;)]}>\"'\\ " + SPACE + TAB
_REST = Lazy(r"[^\s,;)\]}>\"'\\&\[{(]+")
# A masked value stays unchanged.
_MASKED = Lazy(r"\*{3}(?=[\s.,;)\]}>\"'\\&<|]|$)")
_CLOSING = {"[": "]", "{": "}", "(": ")"}

_WORD = Lazy(r"[\w.-]+")
_DASHES = Lazy(r"(?:^|(?<=[\s\"'=\[(,]))--?$")
# `password is not set` is a sentence; `password is hunter2` is not.
_PROSE = (
    r"(?!(?:an?|the|not|no|in|on|of|for|to|at|by|as|too|also|still|now|already|never|only|your|our|their|its|this|that|and"
    r"|or|but|if|when|with|from|wrong|set|empty|null|none|nil|true|false|valid|invalid|incorrect|unknown|stale|given"
    r"|absent|hidden|kept|shown|short|long|longer|shorter|weak|bad|ok|optional|different|equal|read|sent|what|which|where"
    r"|there|here|[a-z]{2,20}(?:ed|ing))\b)"
)
_CREDENTIAL = r"(?!\\)(?=[^\s,;]{0,60}\d)(?=[^\s,;]{0,60}[A-Za-z!#$%&*^])[^\s,;:=()]{6,}"
# What joins a name to its value, after the end of the name.
_JOINT = Lazy(
    r"\\*[\"'`]?[\])]{0,2}\s{0,60}(?:->|\u2192|\u21d2|=>|\|)\s{0,60}"
    r"|(?P<comma>\\*[\"'`]\s{0,8},\s{0,8}(?=[bru]?\\*[\"'`\[{]))"
    rf"|[\"'`]?\s{{1,8}}(?:is|was|are|equals)(?:\s+set\s+to)?(?:\s{{0,8}}[:=]\s{{0,8}}|\s{{1,8}}){_PROSE}"
    rf"|[\"'`]?\s{{1,8}}(?:to|as|of)\s{{1,8}}(?=[eE]?\\*[\"'`]|{_CREDENTIAL})"
    # SQL: password 'x', E'x', $$x$$.
    r"|\s{1,60}(?=[bruxneU&]{0,2}\\*[\"'`]|\$\w{0,20}\$)"
    rf"|[ \u2003](?={_CREDENTIAL})"
    r"|(?P<multipart>[\"']?(?:\r?\n|\\r\\n){2}|[\"']\u2003{2,4})"
    r"|[\t\u2002]+"
    # <key>password</key><string>…</string>
    r"|(?:\s{0,8})(?P<sibling></[\w:.-]{1,40}>\s{0,60}<[\w:.-]{1,40}(?:\s[^<>]{0,80})?>)",
    re.IGNORECASE,
)
_FLAG = Lazy(r"[ \t\u2002\u2003]+(?![-\s])")
_PART = Lazy(r"(?:(?!\\r\\n)[^\r\n])*")
_PREFIX = Lazy(r"[bruxneU&]{1,2}(?=\\*[\"'`])", re.IGNORECASE)
_OPENING = Lazy(r"<(?:\w+:)?$")
_TAG = Lazy(r"(?:\s[^<>]{0,200})?>")
_MARKUP = Lazy(r"<!\[CDATA\[.*?(?:\]\]>|\Z)|[^<]*", re.DOTALL)
_DOLLAR = Lazy(r"(\$\w{0,20}\$).*?(?:\1|\Z)", re.DOTALL)
# {"name": "DB_PASSWORD", "value": "…"}, <input name="password" value="…">, Key=password,Value=…
_NAMED = Lazy(
    r"(?:name|key|field|id|header|variable|parameter)\\*[\"']?\s{0,8}[:=]\s{0,8}\\*[\"']?[\w.-]{0,60}$", re.IGNORECASE
)
_ITS_VALUE = Lazy(
    r"\\*[\"']?[^<>{}]{0,80}?(?<![a-z])(?:value|val|content|data|default|string)s?\\*[\"']?\s{0,8}[:=]\s{0,8}",
    re.IGNORECASE,
)
_VALUE_FIRST = Lazy(
    r"(?<![a-z])(?:value|val|content|default)[\"']?\s{0,8}[:=]\s{0,8}([\"'])((?:\\.|(?!\1)[^\\])*)\1[\s,]{1,60}"
    r"[\"']?(?:name|key|field|id)[\"']?\s{0,8}[:=]\s{0,8}[\"']?([\w.-]{1,60})",
    re.IGNORECASE,
)


class SecretValues:
    """Finds values by the secret names that they are written with."""

    __slots__ = ("_names",)

    def __init__(self, names: SecretNames) -> None:
        self._names = names

    def mask(self, text: str) -> str:
        """The string with `***` in place of each value of a secret name."""
        has_separator = "=" in text or ":" in text or "\uff1d" in text or "\uff1a" in text
        if has_separator:
            text = self._without_pairs(text)
        # The names in sentences, markup and lists; most lines have none.
        lower = text.lower() if text.isascii() else _lower(text)
        hints = [hint for hint in self._names.hints if hint in lower]
        if hints:
            text = self._without_phrases(text, sorted(_ends(lower, hints)))
            if has_separator and ("val" in lower or "content" in lower or "default" in lower):
                text = _VALUE_FIRST().sub(self._without_value_first, text)
        return text

    def _without_pairs(self, text: str) -> str:
        """`password=hunter2`, `'token': 'abc'`, `"secret": {…}`, `Cookie: a=b; c=d`: masks the values."""
        parts: list[str] = []
        at = 0
        separator = _SEPARATOR().search(text)
        while separator is not None:
            end = separator.end()
            before = _NAME_BACKWARDS().match(text[max(at, end - 1 - _LOOK_BACK) : end - 1][::-1])
            name = before[1][::-1] if before is not None else ""
            is_secret = name != "" and self._names_a_secret(name)
            if is_secret or name[-4:].lower() == "code":
                is_query = text[end - 1 - len(name) - 1 : end - 1 - len(name)] in ("?", "&")
                begin, value_end = self._pair_value(text, name, end, is_secret=is_secret, is_query=is_query)
                if value_end > begin:
                    value = text[begin:value_end]
                    parts += (text[at:begin], value if value.isdigit() and self._names.is_amount(name) else MASK)
                    at = end = value_end
            separator = _SEPARATOR().search(text, end)
        return "".join(parts) + text[at:] if parts else text

    def _pair_value(self, text: str, name: str, at: int, *, is_secret: bool, is_query: bool) -> tuple[int, int]:
        """Begin and end of the value after the separator; equal if it is not secret."""
        opening = _VALUE().match(text, at)
        begin, start = (at, at) if opening is None else (opening.end(1), opening.end())
        if not is_secret:
            if name.lower().rpartition(" ")[2] != "code":
                return begin, begin
            code = (_QUERY if is_query else _REST)().match(text, start + (text[start : start + 1] in ('"', "'")))
            is_issued = code is not None and (is_query or self._names.is_issued_code("code", code[0]))
            return begin, code.end() if code is not None and is_issued else begin
        lower = name.lower()
        if is_query:
            return begin, value_end(text, start, _QUERY)
        bare = _LINE if _TO_THE_END().search(lower) else _LIST if lower.endswith("s") else _BARE
        end = value_end(text, start, bare)
        assigned = _ASSIGNED().match(text, end) if end > start else None
        return begin, end if assigned is None else value_end(text, assigned.end(), bare)

    def _names_a_secret(self, words: str) -> bool:
        """Whether one or two words are a secret name; the first alone is part of the sentence."""
        _, _, last = words.rpartition(" ")
        return last in self._names or (last.lower() in ("key", "keys", "code", "phrase") and words in self._names)

    def _without_phrases(self, text: str, hints: list[int]) -> str:
        """Masks the values after the words that hold one of these positions."""
        parts: list[str] = []
        at = done = 0
        for hint in hints:
            if hint <= done:
                continue
            back = _WORD().match(text[max(at, hint - MAX_NAME_LENGTH) : hint][::-1])
            word = _WORD().match(text, hint - (0 if back is None else back.end()))
            done = hint if word is None else word.end()
            # A longer word is data.
            if word is not None and done - word.start() <= MAX_NAME_LENGTH and word[0] in self._names:
                begin, end = self._phrase(text, word)
                if end > begin and text[begin:end] != MASK:
                    parts += (text[at:begin], MASK)
                    at = done = end
        return "".join(parts) + text[at:] if parts else text

    def _phrase(self, text: str, word: re.Match[str]) -> tuple[int, int]:
        """Begin and end of the value of this secret name; equal if none follows."""
        begin, end = word.span()
        before = text[max(0, begin - 100) : begin]
        name_end = begin + len(word[0].rstrip("."))
        if _OPENING().search(before):
            tag = _TAG().match(text, name_end)
            if tag is not None:
                return tag.end(), _element_end(text, word[0], tag.end())
        named = _ITS_VALUE().match(text, name_end) if _NAMED().search(before) else None
        if named is not None:
            return named.end(), value_end(text, named.end(), _BARE)
        joint = _JOINT().match(text, name_end)
        if joint is not None:
            value = _joined_value(text, joint)
            if value[1] > value[0]:
                return value
        if word[0].startswith("-") or _DASHES().search(before):
            flag = _FLAG().match(text, name_end)
            if flag is not None:
                return flag.end(), value_end(text, flag.end(), _BARE)
        return end, end

    def _without_value_first(self, match: re.Match[str]) -> str:
        if match[3] not in self._names:
            return match[0]
        begin, end = (position - match.start() for position in match.span(2))
        return f"{match[0][:begin]}{MASK}{match[0][end:]}"


def _lower(text: str) -> str:
    """In lower case and of the same length: U+0130 becomes two characters."""
    lower = text.lower()
    return lower if len(lower) == len(text) else text.replace("\u0130", "i").lower()


def _ends(lower: str, hints: list[str]) -> Iterator[int]:
    for hint in hints:
        at = lower.find(hint)
        while at >= 0:
            yield at + len(hint)
            at = lower.find(hint, at + len(hint))


def _joined_value(text: str, joint: re.Match[str]) -> tuple[int, int]:
    begin = joint.end()
    if joint["multipart"] is not None:
        line = _PART().match(text, begin)
        return begin, begin if line is None else line.end()
    if joint["sibling"] is not None:
        markup = _MARKUP().match(text, begin)
        return begin, begin if markup is None else markup.end()
    dollar = _DOLLAR().match(text, begin)
    if dollar is not None:
        return begin, dollar.end()
    prefix = _PREFIX().match(text, begin)
    return begin, value_end(text, begin if prefix is None else prefix.end(), _BARE)


def _element_end(text: str, name: str, start: int) -> int:
    """The position of the closing tag; without one, the end of the characters."""
    closing = text.find(f"{name}>", start)
    opening = text.rfind("</", start, closing) if closing >= 0 else -1
    if opening >= 0:
        return opening
    markup = _MARKUP().match(text, start)
    return start if markup is None else markup.end()


def value_end(text: str, start: int, bare: Lazy) -> int:
    """The end of the value that begins here; in doubt a later position."""
    end = _enclosed_end(text, start)
    if end == start:
        masked = None if bare is _LINE else _MASKED().match(text, start)
        if masked is not None:
            return masked.end()
        value = bare().match(text, start)
        # The punctuation that ends a sentence, a string or a list is not part of the value.
        return start + len(value[0].rstrip(_ENDING)) if value is not None else start
    while end < len(text):
        # `"a"b` and `[]0`: characters that follow without a space or a comma belong to the value.
        extended = _enclosed_end(text, end)
        if extended == end:
            rest = _REST().match(text, end)
            extended = end if rest is None else rest.end()
        if extended == end:
            break
        end = extended
    return end


def _enclosed_end(text: str, start: int) -> int:
    """The position after the quotes or brackets that open here; `start` if none do."""
    quote = _QUOTE().match(text, start)
    if quote is not None:
        return _quoted_end(text, quote)
    return _bracket_end(text, start) if text[start : start + 1] in _CLOSING else start


def _quoted_end(text: str, quote: re.Match[str]) -> int:
    """The position after the closing quote: the same character, with at most as many backslashes."""
    for closing in _QUOTE().finditer(text, quote.end()):
        if closing[2] == quote[2] and len(closing[1]) <= len(quote[1]):
            return closing.end()
    return len(text)


def _bracket_end(text: str, start: int) -> int:
    """The position after the closing bracket; brackets in quotes do not count."""
    opening, closing = text[start], _CLOSING[text[start]]
    depth, at = 0, start
    while at < len(text):
        quote = _QUOTE().match(text, at)
        if quote is not None:
            at = _quoted_end(text, quote)
            continue
        if text[at] == opening:
            depth += 1
        elif text[at] == closing:
            depth -= 1
            if depth == 0:
                return at + 1
        at += 1
    return len(text)
