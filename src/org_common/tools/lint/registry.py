"""All rules of the lint, in the order of the documentation."""

from org_common.tools.lint.finding import Rule
from org_common.tools.lint.rules import (
    functions,
    keys,
    openings,
    performance,
    policies,
    recursion,
    roles,
    tables,
    views,
    writes,
)

RULES: tuple[Rule, ...] = tuple(
    each
    for module in (tables, views, keys, policies, openings, recursion, writes, performance, functions, roles)
    for each in vars(module).values()
    if isinstance(each, Rule)
)
