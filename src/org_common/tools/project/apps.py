"""Loads the apps that a project's pyproject.toml lists."""

from org_common.app import App
from org_common.tools.project.modules import load_object
from org_common.tools.project.project import Project, ProjectError, make_importable


def load(project: Project) -> list[App]:
    """The project's apps, in the order of pyproject.toml. Importing a module declares its routes and runs no handler.

    Raises `ProjectError` if the project lists no apps or one of them is not an `App`, and `ToolError` if a module
    cannot be imported.
    """
    make_importable(project)
    if not project.apps:
        raise ProjectError('no apps: list them in pyproject.toml, [tool.org-common] apps = ["shop.orders:app"]')
    return [_app(name) for name in project.apps]


def _app(name: str) -> App:
    app = load_object(name, f"the app {name} in pyproject.toml")
    if not isinstance(app, App):
        raise ProjectError(f"{name} in pyproject.toml: expected an App, got {type(app).__name__}")
    return app
