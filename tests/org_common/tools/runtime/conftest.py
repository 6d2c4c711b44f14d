"""A function of a few lines, to be started under AWS's runtime client."""

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from org_common.tools.runtime.environment import Function

MakeFunction = Callable[..., Function]
SOURCE = Path(__file__).parents[4] / "src"


@pytest.fixture
def function(tmp_path: Path) -> MakeFunction:
    def make(source: str, **options: object) -> Function:
        (tmp_path / "shop.py").write_text(dedent(source))
        return Function("shop.app", [tmp_path, SOURCE], **options)  # type: ignore[arg-type]

    return make
