"""The result of a proof as one HTML page. It is self-contained: the page loads nothing and runs no script."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from org_common.tools.project.html_page import html_page, section
from org_common.tools.prove import report
from org_common.tools.prove.kill import Kills
from org_common.tools.prove.proof import Proof

STYLE = """\
  main { max-width: 1400px; }
  section { overflow-x: auto; }
  table { font: 13px/1.5 ui-monospace, Menlo, Consolas, monospace; }
  td, th { padding: 3px 14px 3px 0; text-align: left; white-space: nowrap; }
  tbody tr:hover { background: #f4f6f8; }
  td.some { color: #2b8a6e; font-weight: 600; }
  td.none { color: #b8c2cc; }
  td.bad { background: #c0392b; color: #fff; }
  pre { background: #f4f6f8; padding: 10px 14px; overflow-x: auto; font-size: 13px; }
"""


def page(proof: Proof, kills: Kills | None = None) -> str:
    """The page."""
    summary = "".join(f"<p>{escape(line)}</p>" for line in report.summary(proof))
    parts = [summary, *_findings(proof), section("Tables and views", _matrix(proof)), *_mutations(kills)]
    return html_page("Proof of isolation", parts, STYLE)


def _findings(proof: Proof) -> Iterator[str]:
    for finding in proof.findings:
        script = f"<pre>{escape(finding.script)}</pre>" if finding.script else ""
        text = f'<p class="bad">{escape(finding.problem)}</p>{script}'
        yield section(finding.cell.name, text)


def _matrix(proof: Proof) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in ("", *report.people(proof.world)))
    rows = "\n".join(
        f"<tr><td>{escape(name)}</td>{''.join(map(_cell, cells))}</tr>" for name, cells in report.table_rows(proof)
    )
    return f"<p>{escape(report.LEGEND)}</p><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _cell(text: str) -> str:
    kind = "bad" if text.endswith("!") else "none" if text == "-" else "some"
    return f'<td class="{kind}">{escape(text)}</td>'


def _mutations(kills: Kills | None) -> Iterator[str]:
    if kills is None:
        return
    rows = "".join(
        f"<tr><td>{escape(name)}</td><td>{killed:,} of {count:,}</td></tr>"
        for name, (killed, count) in kills.groups().items()
    )
    survivors = "".join(
        f"<p><b>{escape(each.subject)}</b>: {escape(each.description)}<br>{escape(why or 'not explained')}</p>"
        for each, why in kills.survivors
    )
    yield section(f"Mutations: {kills.rate:.2%} turned the proof red", f"<table>{rows}</table>{survivors}")
