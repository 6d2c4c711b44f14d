"""Checks each statement of a project against its database."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from org_common.app import App
from org_common.db.protocol.errors import StatementFailed
from org_common.db.protocol.placeholders import StatementError
from org_common.db.protocol.statement import Statement, prepare
from org_common.tools.check import columns, order, parameters
from org_common.tools.check.code.callers import Callers
from org_common.tools.check.code.calls import Call, find_calls
from org_common.tools.check.code.evaluate import UnresolvedError
from org_common.tools.check.code.given import Given, given
from org_common.tools.check.code.roles import DEFAULT, handler_rules, roles_of
from org_common.tools.check.code.sources import Source, functions, load_sources
from org_common.tools.check.code.sql_text import Place, SqlText, original_position
from org_common.tools.check.columns import Problem
from org_common.tools.check.failures import problem
from org_common.tools.check.finding import Finding
from org_common.tools.check.planner import Described, Planner
from org_common.tools.check.rules import check_rules
from org_common.tools.project.modules import display_path
from org_common.tools.project.project import Project

Progress = Callable[[int, int], None]
_ALLOWED = re.compile(r"#\s*db check: allow ([\w.]+)[:,]? +\S")


@dataclass(frozen=True)
class Use:
    """A statement in a call that runs it, and the roles that it may run as."""

    call: Call
    sql: SqlText
    roles: tuple[str, ...]


@dataclass
class Report:
    """The findings, sorted by place, and what was looked at."""

    findings: list[Finding] = field(default_factory=list[Finding])
    statements: int = 0
    calls: int = 0
    rules: int = 0
    computed: list[str] = field(default_factory=list[str])
    """`FILE:LINE` of calls whose SQL is computed at run time, and was not checked."""
    unimported: list[str] = field(default_factory=list[str])
    """Modules whose import failed, with the error, so that their statements were not checked."""
    unreachable: list[str] = field(default_factory=list[str])
    """Roles that the login cannot assume, so that their statements were not checked."""


def collect(apps: Sequence[App], sources: Sequence[Source]) -> tuple[list[Use], list[str]]:
    """The statements of the project's modules, and where others are computed at run time."""
    by_name = {source.module.__name__: source for source in sources}
    found = list(functions(sources))
    handlers = list(handler_rules(apps))
    roles = roles_of(found, by_name, [(key, role) for key, role, _ in handlers])
    callers = Callers(found, by_name)
    uses: list[Use] = []
    computed: list[str] = []
    for function in found:
        for call in find_calls(function, by_name, {key for key, _, _ in handlers}):
            runs_as = roles.get(function.key, {DEFAULT})
            resolved = _resolved(call, runs_as)
            for each in [] if resolved else [*callers.bound(call)] or [call]:
                resolved += (known := _resolved(each, runs_as))
                if not known:
                    computed.append(_shown(each.place))
            uses += resolved
    return uses, computed


def _resolved(call: Call, roles: set[str]) -> list[Use]:
    """The statements that a call may run; none if they are computed at run time."""
    try:
        statements = call.scope.statements(call.sql)
    except UnresolvedError:
        return []
    return [Use(call, sql, (call.role,) if call.role else tuple(sorted(roles))) for sql in statements]


def _shown(place: Place) -> str:
    return f"{display_path(place.file)}:{place.line}"


def check(
    project: Project, apps: Sequence[App], planner: Planner, on_progress: Progress = lambda done, total: None
) -> Report:
    """Check the statements and access rules of a project's apps."""
    unimported: list[str] = []
    sources = load_sources(project, lambda name, error: unimported.append(f"{name}: {type(error).__name__}: {error}"))
    uses, computed = collect(apps, sources)
    texts = {source.file: source.text.splitlines() for source in sources}
    report = Report(
        computed=computed, unimported=unimported, statements=len({use.sql.text for use in uses}), calls=len(uses)
    )
    found: set[Finding] = set()
    for done, use in enumerate(uses):
        on_progress(done, len(uses))
        found |= {each for each in check_use(use, planner) if not _is_allowed(each, use, texts)}
    found |= set(check_rules(apps, planner))
    report.rules = sum(each.rule.expression is not None for _, _, each in handler_rules(apps))
    report.unreachable = sorted({role for use in uses for role in use.roles} - planner.roles)
    # One fault of a constant is one finding, however many calls run it.
    by_place = {(each.file, each.line, each.id, each.problem): each for each in sorted(found, reverse=True)}
    report.findings = sorted(by_place.values())
    on_progress(len(uses), len(uses))
    return report


def check_use(use: Use, planner: Planner) -> Iterator[Finding]:
    """The findings about one statement in one call."""
    call, sql = use.call, use.sql
    if columns.has_star(sql.text):
        fix = "name the columns, as the model has them"
        yield _finding(use, Problem("columns.star", "the statement selects *", fix, "*"))
    try:
        statement = prepare(sql.value)  # type: ignore[arg-type]
    except StatementError as error:
        yield _finding(use, Problem("sql.invalid", str(error), "correct the statement"))
        return
    params = given(call)
    for each in parameters.missing(statement, params):
        yield _finding(use, each, at_call=True)
    oids = parameters.bind(statement, params)
    if isinstance(oids, Problem):
        yield _finding(use, oids, at_call=True)
        return
    for number, role in enumerate(role for role in use.roles if role in planner.roles):
        with planner.transaction(role):
            described = planner.describe(statement.command, oids, tree=number == 0)
            planned = described if isinstance(described, StatementFailed) else planner.plan(statement.command, oids)
        failed = problem(planned, role) if isinstance(planned, StatementFailed) else None
        if failed is not None and isinstance(planned, StatementFailed):
            yield _finding(use, failed, planned, statement)
        if isinstance(described, Described) and number == 0:
            yield from _compare(use, planner, role, statement, params, described)


def _compare(
    use: Use, planner: Planner, role: str, statement: Statement, params: Given, described: Described
) -> Iterator[Finding]:
    call = use.call
    for each in parameters.compare(statement, params, described, planner.catalog):
        yield _finding(use, each, at_call=True)
    with planner.transaction(role):
        for each in [*parameters.compare_nulls(planner, statement, params)]:
            yield _finding(use, each)
    if call.is_read_only and described.query is not None and described.query.writes:
        fix = "take `tx: Transaction`, in a POST, PUT, PATCH or DELETE route"
        yield _finding(use, Problem("reader.writes", "the statement writes, on a Reader", fix), at_call=True)
    if call.method == "value" and described.result.nfields != 1:
        text = f"value() reads one column, and the statement returns {described.result.nfields}"
        yield _finding(use, Problem("columns.model", text, "read several columns with one()"), at_call=True)
    for model in _models(call):
        for each in columns.compare(model, described, planner.catalog):
            yield _finding(use, each, at_call=True)
        if call.method == "page":
            yield from _check_page(use, planner, role, model, params, described)


def _check_page(
    use: Use, planner: Planner, role: str, model: Any, params: Given, described: Described
) -> Iterator[Finding]:
    try:
        sorts = order.sorts(use.call, model)
    except (TypeError, StatementError) as error:
        yield _finding(use, Problem("page.sort", str(error), "sort by fields of the model"), at_call=True)
        return
    for sort in sorts:
        statement = order.paged(use.sql.value, sort)
        if isinstance(statement, Problem):
            yield _finding(use, statement)
            continue
        types = {**params.types, "_limit": int}
        oids = parameters.bind(statement, Given(types, is_complete=params.is_complete))
        if isinstance(oids, Problem):
            continue
        with planner.transaction(role):
            planned = planner.plan(statement.command, oids, ordered=True)
        if isinstance(planned, StatementFailed):
            if planned.sqlstate != "42501":
                yield _finding(use, order.failure(planned), at_call=True)
            continue
        for each in order.unindexed(described, sort, planned):
            yield _finding(use, each, at_call=True)


def _models(call: Call) -> list[Any]:
    """The models that a call fills; none if the code computes them."""
    if call.model is None:
        return []
    try:
        found = call.scope.objects(call.model)
    except UnresolvedError:
        return []
    return [each for each in found if hasattr(each, "__pydantic_fields__")]


def _finding(
    use: Use,
    each: Problem,
    failed: StatementFailed | None = None,
    statement: Statement | None = None,
    *,
    at_call: bool = False,
) -> Finding:
    """A problem at its place: that in the SQL which PostgreSQL names, else the word that it is about, or the call."""
    call = use.call.place
    place = call if at_call else use.sql.find(each.word) if each.word else use.sql.place()
    position = failed.origin.position if failed is not None and failed.origin is not None else None
    if position and statement is not None:
        place = use.sql.place(original_position(use.sql.text, statement.command.decode(), position - 1))
    return Finding(display_path(place.file), place.line, each.id, each.text, each.fix, use.sql.title, _shown(call))


def _is_allowed(finding: Finding, use: Use, texts: Mapping[str, Sequence[str]]) -> bool:
    """Whether a comment at the call or at the SQL allows it: `# db check: allow page.index, an org has few domains`."""
    call, place = use.call.place, use.sql.place()
    node = use.call.caller_node or use.call.node
    lines = list(texts.get(call.file, ())[max(call.line - 2, 0) : node.end_lineno])
    end = use.sql.place(max(len(use.sql.text) - 1, 0))
    if place.file == end.file:
        lines += texts.get(place.file, ())[max(place.line - 3, 0) : end.line]
    return any(found[1] == finding.id for line in lines if (found := _ALLOWED.search(line)))
