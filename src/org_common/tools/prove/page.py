"""The result of a proof as one HTML page. It is self-contained: the page loads nothing and runs no script."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from importlib.resources import files

from org_common.tools.prove import report
from org_common.tools.prove.kill import Kills
from org_common.tools.prove.proof import Proof


def page(proof: Proof, kills: Kills | None = None) -> str:
    """The page."""
    template = files("org_common.tools.prove").joinpath("page.html").read_text(encoding="utf-8")
    summary = "".join(f"<p>{escape(line)}</p>" for line in report.summary(proof))
    parts = [summary, *_findings(proof), _section("Tables and views", _matrix(proof)), *_mutations(kills)]
    return template.replace("{sections}", "\n".join(parts))


def _findings(proof: Proof) -> Iterator[str]:
    for finding in proof.findings:
        script = f"<pre>{escape(finding.script)}</pre>" if finding.script else ""
        text = f'<p class="bad-text">{escape(finding.problem)}</p>{script}'
        yield _section(escape(finding.cell.name), text)


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
    yield _section(f"Mutations: {kills.rate:.2%} turned the proof red", f"<table>{rows}</table>{survivors}")


def _section(title: str, body: str) -> str:
    return f"<section><h2>{title}</h2>{body}</section>"
