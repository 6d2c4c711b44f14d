"""Builds the zip of each Lambda function: its modules and what they import of the project, nothing of the layer's."""

from __future__ import annotations

import ast
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from org_common.lifecycle.build import FUNCTION, STAMP
from org_common.tools.layer import archive, bytecode
from org_common.tools.layer.build import line_of
from org_common.tools.layer.settings import LayerSettings
from org_common.tools.layer.targets import interpreter
from org_common.tools.project.modules import reporting_errors
from org_common.tools.project.project import Project, ProjectError

MOUNTED = "/var/task"
NOT_SHIPPED = (".md", ".pyc", ".pyi", ".py", ".sql")


@dataclass(frozen=True)
class Function:
    """One Lambda: the `handler` to configure, "shop.orders.app", and its zip."""

    name: str
    handler: str
    file: Path
    sha256: str
    zipped: int
    modules: tuple[str, ...]


def build(
    project: Project, settings: LayerSettings, python: str, out: Path, say: Callable[[str], None]
) -> list[Function]:
    """Build all functions of the project into `out`. They are the same for each processor."""
    entries = (*project.apps, *settings.functions)
    if not entries:
        raise ProjectError('no apps: name them in pyproject.toml, [tool.org-common] apps = ["shop.orders:app"]')
    interpreter(python)
    line = line_of(settings)
    return [_build(project, settings, app, python, line, out, say) for app in entries]


def modules(project: Project, start: Sequence[str]) -> dict[str, Path]:
    """The project's own modules that these import, however late, with themselves and their packages.

    Found by reading, not by running: an import within a function counts too. What is imported by a text at run time is
    not seen; name it in `[tool.org-common.layer.include]`.
    """
    found: dict[str, Path] = {}
    waiting = list(start)
    while waiting:
        name = waiting.pop()
        file = _source(project, name)
        if name in found or file is None:
            continue
        found[name] = file
        parent = name.rpartition(".")[0]
        waiting += [*([parent] if parent else []), *_imported(name, file)]
    return found


def _build(
    project: Project,
    settings: LayerSettings,
    app: str,
    python: str,
    line: str,
    out: Path,
    say: Callable[[str], None],
) -> Function:
    module, _, attribute = app.partition(":")
    name = module.replace(".", "-")
    included = settings.include.get(app, ())
    found = modules(project, [module, *included])
    missing = [each for each in (module, *included) if each not in found]
    if missing:
        raise ProjectError(
            f"{missing[0]} of {app} is not in {project.root} or its src: the names are in pyproject.toml"
        )
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for each, file in found.items():
            _copy(each, file, folder)
        bytecode.write(folder, python, MOUNTED)
        content = archive.content(folder)
        (folder / STAMP.format(FUNCTION)).write_text(f"{line}\npython{python} any\n{content}\n")
        file = out.absolute() / f"{name}.zip"
        sha256 = archive.write(folder, file)
    say(f"{file.name}: {len(found)} modules, {file.stat().st_size / 1000:.1f} KB")
    return Function(name, f"{module}.{attribute}", file, sha256, file.stat().st_size, tuple(sorted(found)))


def _copy(name: str, file: Path, folder: Path) -> None:
    target = folder / Path(*name.split("."))
    if file.name != "__init__.py":
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target.with_suffix(".py"))
        return
    target.mkdir(parents=True, exist_ok=True)
    for path in file.parent.iterdir():
        # Data that a package reads lies beside its modules; migrations are applied from elsewhere.
        if path == file or (path.is_file() and path.suffix not in NOT_SHIPPED):
            shutil.copyfile(path, target / path.name)


def _source(project: Project, name: str) -> Path | None:
    inside = Path(*name.split("."))
    for folder in (project.root / "src", project.root):
        for file in (folder / inside / "__init__.py", folder / inside.with_suffix(".py")):
            if file.is_file():
                # A checkout of org_common itself has it beside the modules; it comes with the layer.
                return None if inside.parts[0] == "org_common" else file
    return None


def _imported(name: str, file: Path) -> Iterator[str]:
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    with reporting_errors(str(file)):
        tree = ast.parse(file.read_bytes(), str(file))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join(filter(None, (*above, base)))
            yield base
            # A name may be a module of the package.
            yield from (f"{base}.{alias.name}" for alias in node.names)
