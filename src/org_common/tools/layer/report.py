"""Writes an HTML report: sizes by package and file, budgets, and the imports of each function's cold start."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory

from org_common.tools.layer import charts, sizes
from org_common.tools.layer.build import Built
from org_common.tools.layer.functions import Function as BuiltFunction
from org_common.tools.layer.settings import MB, LayerSettings
from org_common.tools.layer.targets import Target
from org_common.tools.layer.verify import unpacked
from org_common.tools.project.html_page import html_page, section, table
from org_common.tools.runtime.environment import Environment
from org_common.tools.runtime.imports import Import, parse

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Headless, and without the requests that a browser makes at its start.
# fmt: off
QUIET = (
    "--headless", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-quic",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)
# fmt: on
STYLE = """\
  dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 18px; margin: 0; }
  dt { color: #5b6875; }
  dd { margin: 0; font-variant-numeric: tabular-nums; }
  svg g:hover rect { stroke: #1c2733; }
  .key { display: inline-flex; align-items: center; margin: 0 16px 6px 0; font-size: 13px; }
  .key i { width: 12px; height: 12px; border-radius: 2px; margin-right: 6px; }
"""


def write(
    settings: LayerSettings, target: Target, layers: Sequence[Built], functions: Sequence[BuiltFunction], out: Path
) -> list[Path]:
    """Write the page and its charts as SVG, and the page as PNG if Chromium is installed. Returns the files."""
    rows = sizes.compare(settings, target, {layer.layer: layer.file for layer in layers})
    members = [member for layer in layers for member in sizes.members(layer.file)]
    profiles = measured(target, [layer.file for layer in layers], functions) if target.runs_here else {}
    drawn = {"treemap": charts.treemap(members), "budgets": charts.bars(rows)}
    standard = frozenset(sys.stdlib_module_names)
    own = frozenset(module.partition(".")[0] for function in functions for module in function.modules)
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
    """The imports of each function's cold start, measured with the built zips under AWS's client."""
    imports: dict[str, list[Import]] = {}
    with unpacked(target, layers, functions) as unpacked_build, TemporaryDirectory() as records:
        for function in functions:
            record = Path(records, function.name)
            run = unpacked_build.function(function.name, function.handler, target, record, ("-X", "importtime"))
            with Environment(run) as environment:
                imports[function.name] = parse(environment.output())
    return imports


def screenshot(page: Path, width: int = 1240) -> Path | None:
    """Write the page as PNG next to it. Returns the PNG, or None without Chromium."""
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
    # Child processes of the browser write to this folder after the browser has exited.
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        yield folder


def _height(page: Path) -> int:
    """The height of the complete page in pixels, estimated from its charts and elements."""
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
    facts = [
        ("Target", f"Python {target.python}, {target.arch}"),
        ("Line", layers[0].line if layers else ""),
        *(
            (f"Layer {layer.layer}", f"{layer.zipped / MB:.2f} MB, {layer.unzipped / MB:.2f} unzipped")
            for layer in layers
        ),
        *(
            (f"Function {function.name}", f"{function.zipped / 1000:.1f} KB, {len(function.modules)} modules")
            for function in functions
        ),
    ]
    listed = "".join(f"<dt>{escape(key)}</dt><dd>{escape(value)}</dd>" for key, value in facts)
    hint = "<p>Hover over a box for its path and size.</p>"
    waterfalls = [
        section(f"Imports of {name} at a cold start", f"<p>{_summary(roots)}</p>{drawn[f'imports-{name}']}")
        for name, roots in profiles.items()
    ]
    parts = [
        f"<section><dl>{listed}</dl></section>",
        section("Budgets", drawn["budgets"]),
        section("Unzipped size by package and file", hint + drawn["treemap"]),
        section("Packages", _packages(rows)),
        section("Legend of the imports", charts.legend([row.what.removeprefix("package ") for row in rows])),
        *(waterfalls or ["<p>Built for another architecture: the functions were not started.</p>"]),
    ]
    return html_page("The layer", parts, STYLE)


def _summary(roots: Sequence[Import]) -> str:
    modules = sum(1 for root in roots for _ in root.walk())
    total = sum(root.total_us for root in roots) / 1000
    return (
        f"{modules} modules, {total:.0f} ms including profiler overhead, in a fresh process under AWS's runtime client."
        " The dark part is a module's own code, the light part its imports. Short imports are omitted."
    )


def _packages(rows: Sequence[sizes.Row]) -> str:
    shown: list[list[str]] = []
    for row in rows:
        if row.what.startswith("package "):
            grown = 0.0 if row.before is None else (row.now.unzipped - row.before.unzipped) / MB
            before = "new" if row.before is None else f"{grown:+.2f}" if abs(grown) >= 0.005 else "same"
            name = row.what.removeprefix("package ")
            shown.append([escape(name), f"{row.now.zipped / MB:.2f}", f"{row.now.unzipped / MB:.2f}", before])
    return table(("package", "zip MB", "unzipped MB", "since baseline"), shown)
