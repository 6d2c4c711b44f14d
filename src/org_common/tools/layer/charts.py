"""Draws the charts of the report as SVG: a treemap of sizes, bars of budgets, and a waterfall of imports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from org_common.tools.layer.settings import MB
from org_common.tools.layer.sizes import Row, Size, owner
from org_common.tools.layer.treemap_layout import Box, layout
from org_common.tools.runtime.imports import Import

WIDTH = 1120
FONT = "system-ui, 'Segoe UI', Helvetica, Arial, sans-serif"
INK, FAINT, LINE, PAPER = "#1c2733", "#5b6875", "#d5dbe1", "#ffffff"
GOOD, BAD, TRACK = "#2b8a6e", "#c0392b", "#eaeef2"
COLOURS = {
    "org_common": "#2b8a6e",
    "psycopg": "#3b6fb6",
    "psycopg_binary": "#2d5a97",
    "pydantic": "#c8702f",
    "pydantic_core": "#a9581f",
    "cryptography": "#7b5aa6",
    "jwt": "#a86ab0",
    "orjson": "#a08a2c",
    "awslambdaric": "#596673",
}
OTHERS, STANDARD, FUNCTION = "#7c8a97", "#a3b0bc", "#b0305f"
# Minimum size of a box with a label, and widths of letters, in pixels.
LABEL_WIDTH, LABEL_HEIGHT, LETTER, BOLD_LETTER = 46, 16, 6.4, 7.9
# Omits short imports: there are many of them, and they do not matter.
SHOWN_SHARE, SHOWN_ROWS = 0.012, 46


def treemap(members: Sequence[tuple[str, Size]], height: int = 560) -> str:
    """A box per package with a box per file in it, sized by unzipped bytes. `members` are file names and sizes."""
    by_package: dict[str, list[tuple[str, Size]]] = {}
    for name, size in members:
        by_package.setdefault(owner(name), []).append((name, size))
    weights = {package: sum(size.unzipped for _, size in files) for package, files in by_package.items()}
    ordered = sorted(by_package, key=lambda package: -weights[package])
    boxes = layout([weights[package] for package in ordered], Box(0, 0, WIDTH, height))
    parts = [part for package, box in zip(ordered, boxes, strict=True) for part in _package(package, by_package, box)]
    return _svg(height, parts, "Size of each package and file, unzipped")


def bars(rows: Sequence[Row]) -> str:
    """A bar per layer and for the total, relative to the budgets."""
    shown = [row for row in rows if row.budget is not None]
    parts: list[str] = []
    left, span, y = 190, WIDTH - 190 - 250, 8
    for row in shown:
        assert row.budget is not None
        for what, now, most in (
            ("zip", row.now.zipped, row.budget.zipped),
            ("unzipped", row.now.unzipped, row.budget.unzipped),
        ):
            share = now / most
            colour = BAD if share > 1 else GOOD
            parts += [
                _text(left - 12, y + 15, f"{row.what}, {what}", anchor="end"),
                f'<rect x="{left}" y="{y}" width="{span}" height="20" rx="3" fill="{TRACK}"/>',
                f'<rect x="{left}" y="{y}" width="{min(share, 1.08) * span:.1f}" height="20" rx="3" fill="{colour}"/>',
                f'<path d="M{left + span} {y - 3}v26" stroke="{INK}" stroke-width="2"/>',
                _text(left + span + 100, y + 15, f"{now / MB:.2f} of {most / MB:g} MB, {share:.0%}", weight=600),
            ]
            y += 30
        y += 8
    return _svg(max(y, 30), parts, "Sizes relative to the budgets")


def waterfall(roots: Sequence[Import], standard: frozenset[str], own: frozenset[str] = frozenset()) -> str:
    """The imports of a start in order, one per row; the dark part is the module's own code.

    `standard` are the modules of the standard library, `own` the packages of the function.
    """
    whole = sum(root.total_us for root in roots) or 1
    rows: list[tuple[int, int, Import]] = []
    at = 0
    for root in roots:
        _rows(root, at, 0, rows)
        at += root.total_us
    least = _least(rows, whole)
    shown = [row for row in rows if row[2].total_us >= least]
    left, span = 300, WIDTH - 300 - 84
    height = 26 + 17 * len(shown)
    parts = _scale(whole, left, span, height)
    for index, (start, depth, module) in enumerate(shown):
        y = 24 + 17 * index
        x, width = left + start / whole * span, module.total_us / whole * span
        mine = min(module.self_us / whole * span, width)
        colour = FUNCTION if module.name.partition(".")[0] in own else _of_module(module.name, standard)
        total_ms = module.total_us / 1000
        label = module.name if len(module.name) <= 38 else "…" + module.name[-37:]
        parts += [
            f"<g><title>{escape(module.name)}: {total_ms:.1f} ms, {module.self_us / 1000:.1f} its own</title>",
            _text(8 + min(depth, 9) * 9, y + 11, label, size=11),
            f'<rect x="{x:.1f}" y="{y}" width="{max(width, 1):.1f}" height="13" fill="{colour}" fill-opacity="0.38"/>',
            f'<rect x="{x + width - mine:.1f}" y="{y}" width="{max(mine, 0.6):.1f}" height="13" fill="{colour}"/>',
            _text(min(x + width, left + span) + 5, y + 11, f"{total_ms:.1f}", size=10, colour=FAINT),
            "</g>",
        ]
    return _svg(height, parts, "Imports of a start")


def legend(packages: Sequence[str]) -> str:
    """The colours of the waterfall as HTML."""
    named = [*(name for name in packages if name in COLOURS), "awslambdaric"]
    shown = {
        "the function": FUNCTION,
        **{name: COLOURS[name] for name in named},
        "other packages": OTHERS,
        "Python itself": STANDARD,
    }
    return "".join(f'<span class="key"><i style="background:{shown[name]}"></i>{escape(name)}</span>' for name in shown)


def _package(package: str, by_package: Mapping[str, list[tuple[str, Size]]], box: Box) -> list[str]:
    files = sorted(by_package[package], key=lambda item: -item[1].unzipped)
    weight = sum(size.unzipped for _, size in files)
    colour = COLOURS.get(package, OTHERS)
    parts = [f"<g><title>{escape(package)}: {weight / MB:.2f} MB in {len(files)} files</title>"]
    parts += [_rect(box, f'fill="{colour}" stroke="{PAPER}" stroke-width="2"'), "</g>"]
    head = 18 if box.width > LABEL_WIDTH and box.height > 40 else 0
    if head:
        title = _fitting(f"{package}  {weight / MB:.2f} MB", box.width, package, BOLD_LETTER)
        parts.append(_text(box.x + 6, box.y + 14, title, size=12, weight=600, colour=PAPER))
    inside = box.inner(2.5, head)
    for (name, size), small in zip(files, layout([item.unzipped for _, item in files], inside), strict=True):
        if small.width < 1 or small.height < 1:
            continue
        # By use: shared libraries are loaded, sources are read for tracebacks only, bytecode is executed.
        light = 0.10 if ".so" in name else 0.34 if name.endswith(".pyc") else 0.22
        tooltip = f"{name}: {size.unzipped / 1000:.1f} KB, {size.zipped / 1000:.1f} zipped"
        drawn = _rect(small, f'fill="#fff" fill-opacity="{light}" stroke="{colour}" stroke-width="0.6"')
        parts.append(f"<g><title>{escape(tooltip)}</title>{drawn}</g>")
        if small.width > LABEL_WIDTH and small.height > LABEL_HEIGHT:
            label = _fitting(name.rpartition("/")[2], small.width, "")
            if label:
                parts.append(_text(small.x + 4, small.y + 13, label, size=10.5, colour=PAPER))
    return parts


def _rect(box: Box, look: str) -> str:
    return f'<rect x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" {look}/>'


def _fitting(text: str, width: float, shorter: str, letter: float = LETTER) -> str:
    room = int((width - 8) / letter)
    if len(text) <= room:
        return text
    text = shorter or text
    return text if len(text) <= room else text[: room - 1] + "…" if room > 4 else ""


def _rows(module: Import, start: int, depth: int, rows: list[tuple[int, int, Import]]) -> None:
    rows.append((start, depth, module))
    for child in module.children:
        _rows(child, start, depth + 1, rows)
        start += child.total_us


def _least(rows: Sequence[tuple[int, int, Import]], whole: int) -> float:
    ordered = sorted((row[2].total_us for row in rows), reverse=True)
    return max(whole * SHOWN_SHARE, ordered[SHOWN_ROWS] if len(ordered) > SHOWN_ROWS else 0)


def _scale(whole_us: int, left: int, span: int, height: int) -> list[str]:
    step = next(each for each in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10000) if whole_us / 1000 / each <= 9)
    parts: list[str] = []
    for ms in range(0, int(whole_us / 1000) + 1, step):
        x = left + ms * 1000 / whole_us * span
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="18" y2="{height}" stroke="{LINE}"/>')
        parts.append(_text(x, 12, f"{ms} ms" if ms == 0 else str(ms), size=10, colour=FAINT, anchor="middle"))
    return parts


def _of_module(name: str, standard: frozenset[str]) -> str:
    top = name.partition(".")[0]
    if top in COLOURS:
        return COLOURS[top]
    return STANDARD if top in standard or top.lstrip("_") in standard else OTHERS


def _text(
    x: float, y: float, text: str, *, size: float = 12, weight: int = 400, colour: str = INK, anchor: str = "start"
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}" fill="{colour}" '
        f'text-anchor="{anchor}" pointer-events="none">{escape(text)}</text>'
    )


def _svg(height: float, parts: Sequence[str], title: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" '
        f'height="{height:.0f}" font-family="{FONT}" role="img" aria-label="{escape(title)}">'
        f'<rect width="100%" height="100%" fill="{PAPER}"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )
