"""docs/reference/app.md has every parameter of `App`, every option of a route, and every method that is for users."""

import inspect
import re
from pathlib import Path

import org_common
from org_common import App, Router
from org_common.handlers.signature import FROM_APP, FROM_REQUEST
from org_common.route import RouteOptions
from org_common.triggers.trigger import TriggerOptions

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "app.md").read_text()


def rows(heading: str) -> list[str]:
    """The first cells of the first table behind a heading."""
    section = re.split(r"^##+ ", PAGE.partition(f"# {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    [_, *cells] = re.findall(r"^\| (.+?) \|", section, re.MULTILINE)
    return cells


def test_every_parameter_is_there() -> None:
    assert [cell.strip("`") for cell in rows("Constructor")] == list(inspect.signature(App).parameters)


def test_every_option_is_there() -> None:
    assert [cell.strip("`") for cell in rows("Route options")] == list(RouteOptions.__annotations__)


def test_every_option_of_a_trigger_is_there() -> None:
    assert [cell.strip("`") for cell in rows("Trigger options")] == list(TriggerOptions.__annotations__)


def test_every_trigger_is_there() -> None:
    for cell in rows("Triggers"):
        name, arguments = re.findall(r"@app\.(\w+)\((.*), …\)", cell)[0]
        parameters = list(inspect.signature(getattr(App, name)).parameters)[1:-1]
        assert re.findall(r"\w+", arguments) == parameters


def test_every_decorator_is_there() -> None:
    decorators = re.findall(r"@app\.(\w+)\(path", " ".join(rows("Routes")))

    assert decorators == [name for name in vars(Router) if name in ("get", "post", "put", "patch", "delete")]


def test_everything_injected_is_there() -> None:
    injected = {
        name
        for name in org_common.__all__
        if getattr(getattr(org_common, name), "injected", None) in FROM_APP | FROM_REQUEST
    }

    assert {cell.strip("`") for cell in rows("Handler parameters")} >= injected
    assert len(injected) == len(FROM_APP | FROM_REQUEST)


def test_every_method_has_a_heading() -> None:
    headings = set(re.findall(r"^### (\w+)$", PAGE, re.MULTILINE))

    assert headings == {"provide", "override", "error", "constraint", "include", "use"}
    assert all(callable(getattr(App, name)) for name in headings)
