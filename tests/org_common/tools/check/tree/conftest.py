"""The tree of a statement in the shop's database."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from org_common.tools.check.planner import Described, Planner

Describe = Callable[[str], Described]


@pytest.fixture
def describe(planner: Planner) -> Describe:
    def describe(sql: str) -> Described:
        with planner.transaction("authenticated"):
            found = planner.describe(sql.encode(), [], tree=True)
        assert isinstance(found, Described), found
        assert found.query is not None
        return found

    return describe
