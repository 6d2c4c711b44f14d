"""The lines of a page of a PDF: their text, as pypdf extracts it, and their boxes."""

from collections.abc import Sequence
from typing import Any

from org_common import get_logger

from cora_modules.kb.parsing.boxes import Box

DEFAULT_WIDTH = 500.0
"""Of a character that the font has no width of, in thousandths of the font size."""
ASCENT, DESCENT = 0.8, -0.2
"""The height of a line above and below its baseline, in font sizes: together one, as in most fonts."""
FARTHEST = 1_000_000.0
"""The largest coordinate in points. A page is at most 14,400 wide."""
_IDENTITY = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0]
_SHOWS = frozenset({b"Tj", b"TJ", b"'", b'"'})

Piece = tuple[str, Box | None]


class Widths(dict[str, float]):
    """The width of each character in thousandths of the font size, and of all others."""

    other = DEFAULT_WIDTH

    def __missing__(self, character: str) -> float:
        return self.other


class Fonts:
    """The widths of characters by font. A document has few fonts, and all pages share them."""

    def __init__(self) -> None:
        self._widths: dict[int, tuple[Any, Widths]] = {}

    def widths_of(self, font: Any) -> Widths:
        """The widths of a font. None is an unknown font."""
        found = self._widths.get(id(font))
        if found is None:
            # The font is kept with its widths, so that no other gets its id.
            found = self._widths[id(font)] = font, Widths() if font is None else _read_widths(font)
        return found[1]


class Lines:
    """What pypdf reports while it extracts the text of one page: pass its methods as the visitors.

    Widths are those of the font: spacing of characters and words is left out. A text in a form XObject has no box,
    because pypdf does not report where the form is.
    """

    def __init__(self, fonts: Fonts) -> None:
        self.pieces: list[Piece] = []
        """The pieces of the text in its order, and where they are. Joined, they are the text."""
        self._fonts = fonts
        # For each `Do` that is open: whether operators of its form have come. Those of an image never come.
        self._forms: list[bool] = []
        # Where text was shown since the last piece, at how many places, and what at the last one.
        self._place: tuple[float, float] | None = None
        self._places = 0
        self._shown: list[Any] = []
        # pypdf does not move the pen after a text: how far the last piece reaches from its last place.
        self._pen: tuple[tuple[float, float] | None, float] = None, 0.0

    def before(self, operator: bytes, operands: Any, cm: Any, tm: Any) -> None:
        """An operator begins."""
        if self._forms:
            self._forms[-1] = True
        if operator == b"Do":
            self._forms.append(False)

    def after(self, operator: bytes, operands: Any, cm: Any, tm: Any) -> None:
        """An operator has ended."""
        if operator in _SHOWS:
            place = tm[4], tm[5]
            if place != self._place:
                self._place = place
                self._places += 1
                self._shown = []
            self._shown.append(operands)
        elif operator == b"Do":
            self._forms.pop()

    def text(self, text: str, cm: Any, tm: Any, font: Any, size: float) -> None:
        """A piece of text has ended, which began with these matrices: at most a line, in one font."""
        if text:
            box = None if text.isspace() or (self._forms and self._forms[0]) else self._box(text, cm, tm, font, size)
            self.pieces.append((text, box))
            self._place, self._places, self._shown = None, 0, []

    def _box(self, text: str, cm: Sequence[float], tm: Sequence[float], font: Any, size: float) -> Box | None:
        m = a, b, _, _, x, y = tm if cm == _IDENTITY else _product(tm, cm)
        widths, text = self._fonts.widths_of(font), text.rstrip("\n")
        begin = self._pen[1] if self._pen[0] == (tm[4], tm[5]) else 0.0
        end = begin + _width(text, widths, size)
        self._pen = self._place, end
        if self._places > 1 and self._place is not None:
            # Words at places of their own, such as cells of a table: the last one ends the line.
            last = _width(text[-_count(self._shown, font) :], widths, size)
            self._pen = self._place, last
            far_x, far_y = _product((*tm[:4], *self._place), cm)[4:]
            length = a * a + b * b
            end = max(end, ((far_x - x) * a + (far_y - y) * b) / length + last) if length else end
        return _around(m, begin, end, size)


def _around(m: Sequence[float], begin: float, end: float, size: float) -> Box | None:
    """The box of a line from `begin` to `end` on its baseline, which has this matrix."""
    a, b, c, d, x, y = m
    low, high = DESCENT * size, ASCENT * size
    left, right, bottom, top = x + a * begin, x + a * end, y + d * low, y + d * high
    if b or c or a < 0 or d < 0 or size < 0:
        xs = left + c * low, left + c * high, right + c * low, right + c * high
        ys = bottom + b * begin, top + b * begin, bottom + b * end, top + b * end
        left, right, bottom, top = min(xs), max(xs), min(ys), max(ys)
    # False for a side that is not a number too.
    is_sane = -FARTHEST < left <= right < FARTHEST and -FARTHEST < bottom <= top < FARTHEST
    return Box(left, bottom, right, top) if is_sane else None


def _product(m: Sequence[float], n: Sequence[float]) -> tuple[float, float, float, float, float, float]:
    """The matrix that does first `m` and then `n`."""
    return (
        m[0] * n[0] + m[1] * n[2],
        m[0] * n[1] + m[1] * n[3],
        m[2] * n[0] + m[3] * n[2],
        m[2] * n[1] + m[3] * n[3],
        m[4] * n[0] + m[5] * n[2] + n[4],
        m[4] * n[1] + m[5] * n[3] + n[5],
    )


def _width(text: str, widths: Widths, size: float) -> float:
    return sum(map(widths.__getitem__, text)) * size / 1000


def _count(shown: Sequence[Any], font: Any) -> int:
    """How many characters were shown. Those of composite fonts have two bytes."""
    strings = [each for operands in shown for part in operands for each in (part if isinstance(part, list) else [part])]
    count = sum(len(each) for each in strings if isinstance(each, str | bytes))
    is_composite = font is not None and font.get("/Subtype") == "/Type0"
    return max(count // 2 if is_composite else count, 1)


def _read_widths(font: Any) -> Widths:
    """By the character that pypdf extracts, and not by the code that the file has for it."""
    try:
        from pypdf.generic._font import Font

        read = Font.from_font_resource(font)
        codes = read.encoding if isinstance(read.encoding, dict) else {}
        widths = Widths()
        widths.other = float(read.character_widths.pop("default", DEFAULT_WIDTH))
        for code, width in read.character_widths.items():
            name = codes.get(ord(code), code) if codes else code
            widths[read.character_map.get(name, name)] = float(width)
    except Exception:  # noqa: BLE001 - pypdf raises many types for a damaged font, and the text has been extracted
        get_logger(__name__).info("the widths of a font of a PDF cannot be read", exc_info=True)
        return Widths()
    return widths
