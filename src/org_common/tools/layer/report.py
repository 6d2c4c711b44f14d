"""One page to look at: sizes by package and file, budgets, and what the start of each function imports."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import escape
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

from org_common.tools.layer import charts, sizes
from org_common.tools.layer.build import Built
from org_common.tools.layer.functions import Function as BuiltFunction
from org_common.tools.layer.settings import MB, LayerSettings
from org_common.tools.layer.targets import Target
from org_common.tools.layer.verify import unpacked
from org_common.tools.runtime.environment import Environment
from org_common.tools.runtime.imports import Import, parse

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# What a browser would look up at its start, and what it cannot have as root.
QUIET = (
    *("--headless", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-quic"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


def write(
    settings: LayerSettings, target: Target, layers: Sequence[Built], functions: Sequence[BuiltFunction], out: Path
) -> list[Path]:
    """The page, its pictures as SVG, and where a Chromium is, the page as PNG."""
    rows = sizes.compare(settings, target, {each.layer: each.file for each in layers})
    members = [member for each in layers for member in sizes.members(each.file)]
    profiles = measured(target, [each.file for each in layers], functions) if target.runs_here else {}
    drawn = {"treemap": charts.treemap(members), "budgets": charts.bars(rows)}
    standard = frozenset(sys.stdlib_module_names)
    own = frozenset(module.partition(".")[0] for each in functions for module in each.modules)
    drawn |= {f"imports-{name}": charts.waterfall(roots, standard, own) for name, roots in profiles.items()}
    page = out.absolute() / "layer.html"
    page.write_text(_page(target, layers, functions, rows, drawn, profiles), encoding="utf-8")
    written = [page]
    for name, svg in drawn.items():
        file = page.with_name(f"layer-{name}.svg")
        file.write_text(svg, encoding="utf-8")
        written.append(file)
    picture = screenshot(page)
    return [*written, picture] if picture else written


def measured(target: Target, layers: Sequence[Path], functions: Sequence[BuiltFunction]) -> dict[str, list[Import]]:
    """What the start of each function imports, from the built zips under AWS's client."""
    found: dict[str, list[Import]] = {}
    with unpacked(target, layers, functions) as place, TemporaryDirectory() as records:
        for function in functions:
            record = Path(records, function.name)
            run = place.function(function.name, function.handler, target, record, ("-X", "importtime"))
            with Environment(run) as environment:
                found[function.name] = parse(environment.output())
    return found


def screenshot(page: Path, width: int = 1240) -> Path | None:
    """The page as a PNG beside it; None without a Chromium."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        return None
    picture = page.with_suffix(".png")
    picture.unlink(missing_ok=True)
    with _profile() as profile:
        options = [*QUIET, *(["--no-sandbox"] if os.geteuid() == 0 else []), f"--user-data-dir={profile}"]
        options += [f"--window-size={width},{_height(page)}", f"--screenshot={picture}"]
        subprocess.run([browser, *options, page.as_uri()], capture_output=True, timeout=120, check=False)
    return picture if picture.is_file() else None


@contextmanager
def _profile() -> Iterator[str]:
    # A browser's children write there until after it has ended.
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        yield folder


def _height(page: Path) -> int:
    """Of the whole page: the heights of its pictures, and of what is between them."""
    text = page.read_text(encoding="utf-8")
    between = 310 + 26.5 * text.count("<tr>") + 24.5 * text.count("<dt>") + 93 * text.count("<h2")
    return int(sum(map(int, _svg_heights(text))) + between)


def _svg_heights(text: str) -> Iterator[str]:
    for part in text.split("<svg ")[1:]:
        head = part.partition(">")[0]
        yield head.partition(' height="')[2].partition('"')[0]


def _page(
    target: Target,
    layers: Sequence[Built],
    functions: Sequence[BuiltFunction],
    rows: Sequence[sizes.Row],
    drawn: Mapping[str, str],
    profiles: Mapping[str, Sequence[Import]],
) -> str:
    template = files("org_common.tools.layer").joinpath("report.html").read_text(encoding="utf-8")
    facts = [
        ("Target", f"Python {target.python}, {target.arch}"),
        ("Line", layers[0].line if layers else ""),
        *((f"Layer {each.layer}", f"{each.zipped / MB:.2f} MB, {each.unzipped / MB:.2f} unzipped") for each in layers),
        *((f"Function {each.name}", f"{each.zipped / 1000:.1f} KB, {len(each.modules)} modules") for each in functions),
    ]
    waterfalls = "".join(
        f"<section><h2>What the start of {escape(name)} imports</h2><p>{_told(roots)}</p>"
        f"{drawn[f'imports-{name}']}</section>"
        for name, roots in profiles.items()
    )
    return (
        template.replace("{facts}", "".join(f"<dt>{escape(key)}</dt><dd>{escape(value)}</dd>" for key, value in facts))
        .replace("{budgets}", drawn["budgets"])
        .replace("{treemap}", drawn["treemap"])
        .replace("{packages}", _packages(rows))
        .replace("{legend}", charts.legend([row.what.removeprefix("package ") for row in rows]))
        .replace("{waterfalls}", waterfalls or "<p>Built for another processor: nothing was started.</p>")
    )


def _told(roots: Sequence[Import]) -> str:
    modules = sum(1 for root in roots for _ in root.walk())
    total = sum(root.total_us for root in roots) / 1000
    return (
        f"{modules} modules, {total:.0f} ms with the profiler's own share, in a fresh process under AWS's runtime"
        " client. Dark is a module's own part, light what it imported first; short ones are left out."
    )


def _packages(rows: Sequence[sizes.Row]) -> str:
    lines: list[str] = []
    for row in rows:
        if row.what.startswith("package "):
            grown = 0.0 if row.before is None else (row.now.unzipped - row.before.unzipped) / MB
            before = "new" if row.before is None else f"{grown:+.2f}" if abs(grown) >= 0.005 else "same"
            name = row.what.removeprefix("package ")
            cells = (name, f"{row.now.zipped / MB:.2f}", f"{row.now.unzipped / MB:.2f}", before)
            lines.append("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>")
    return "".join(lines)
