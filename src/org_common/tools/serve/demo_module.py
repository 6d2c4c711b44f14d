"""The demo module of a project: its people, an example, and the data that they start with."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from org_common.tools.project.modules import load, reporting_errors
from org_common.tools.project.project import Project, ToolError
from org_common.tools.serve.demo_page import INDEX
from org_common.tools.serve.issuer import ISSUER


def find(project: Project) -> ModuleType | None:
    """The project's demo module; None without one.

    It has `PEOPLE` (names of the demo users), `EXAMPLE` (one of them and a path), `seed(admin_url, issuer)`, and
    optionally `tour(visit)`, `tour_with_files(visit)`, `BUCKETS` and `PAGE`. Raises `ToolError` if it cannot be
    imported, lacks one of the first three, or has a page without an index.html.
    """
    if project.demo is None:
        return None
    what = f"the demo module {project.demo}"
    module = load(project.demo, what)
    for name in ("PEOPLE", "EXAMPLE", "seed"):
        if not hasattr(module, name):
            raise ToolError(f"{what} has no {name}. A demo module needs PEOPLE, EXAMPLE and seed(admin_url, issuer)")
    page = getattr(module, "PAGE", None)
    if page is not None and not (isinstance(page, str | Path) and (Path(page) / INDEX).is_file()):
        example = 'for example Path(__file__).with_name("page")'
        raise ToolError(f"{what}: PAGE must be the path of a folder with an {INDEX}, {example}, got {page!r}")
    match module.EXAMPLE:
        case (str(person), str()) if person in module.PEOPLE:
            return module
        case _:
            pass
    raise ToolError(f'{what}: EXAMPLE must be one of PEOPLE and a path, for example ("alice", "/orgs")')


def page_of(module: ModuleType | None) -> Path | None:
    """The folder of the demo's page; None without one."""
    page = getattr(module, "PAGE", None)
    return None if page is None else Path(page)


def seed(module: ModuleType, admin_url: str) -> None:
    """Insert the demo data, also into a database that has it. `ToolError` if the demo module fails."""
    with reporting_errors(f"seed() of {module.__name__}"):
        module.seed(admin_url, ISSUER)
