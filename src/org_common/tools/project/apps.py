"""The apps that a project's pyproject.toml names."""

from org_common.app import App
from org_common.tools.project.modules import load_object
from org_common.tools.project.project import Project, ProjectError, make_importable


def load(project: Project) -> list[App]:
    """All of them, in the order of the file. Importing a module declares its routes and runs no handler."""
    make_importable(project)
    if not project.apps:
        raise ProjectError('no apps: name them in pyproject.toml, [tool.org-common] apps = ["shop.orders:app"]')
    return [_app(name) for name in project.apps]


def _app(name: str) -> App:
    app = load_object(name, f"the app {name} of pyproject.toml")
    if not isinstance(app, App):
        raise ProjectError(f"{name} of pyproject.toml is no App but a {type(app).__name__}")
    return app
