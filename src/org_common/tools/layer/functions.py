"""Builds the zip of each Lambda function: its modules and the project modules that they import, without the layers."""

from __future__ import annotations

import ast
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from org_common.lifecycle.build import FUNCTION, STAMP
from org_common.tools.layer import archive, bytecode, data_files, provided
from org_common.tools.layer.build import line_of
from org_common.tools.layer.settings import LayerSettings
from org_common.tools.layer.targets import interpreter
from org_common.tools.project.modules import reporting_errors
from org_common.tools.project.project import Project, ProjectError

MOUNTED = "/var/task"


@dataclass(frozen=True)
class Function:
    """The built zip of a Lambda function."""

    name: str
    handler: str
    """The handler to configure in Lambda: "shop.orders.app"."""
    file: Path
    sha256: str
    zipped: int
    """Size of the zip in bytes."""
    modules: tuple[str, ...]
    """Names of the modules in the zip."""


def build(
    project: Project, settings: LayerSettings, python: str, out: Path, say: Callable[[str], None]
) -> list[Function]:
    """Build all functions of the project into the folder `out`. They do not depend on the architecture."""
    entries = (*project.apps, *settings.functions)
    if not entries:
        raise ProjectError('no apps: list them in pyproject.toml, [tool.org-common] apps = ["shop.orders:app"]')
    interpreter(python)
    line = line_of(settings)
    return [_build(project, settings, app, python, line, out, say) for app in entries]


def modules(project: Project, start: Sequence[str]) -> dict[str, Path]:
    """The project's modules that `start` imports directly or indirectly, including themselves and their packages.

    Found by reading the source, so imports inside functions count too. Modules that are imported by name at run time
    are not found: list them in `[tool.org-common.layer.include]`.
    """
    sources: dict[str, Path] = {}
    pending = list(start)
    while pending:
        name = pending.pop()
        file = _source(project, name)
        if name in sources or file is None:
            continue
        sources[name] = file
        parent = name.rpartition(".")[0]
        pending += [*([parent] if parent else []), *_imports_of(name, file)]
    return sources


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
    sources = modules(project, [module, *included])
    missing = [name for name in (module, *included) if name not in sources]
    if missing:
        raise ProjectError(
            f"the module {missing[0]} of {app} is not in {project.root} or its src: correct its name in pyproject.toml"
        )
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        left_out = [reason for source, file in sources.items() for reason in _copy(project, source, file, folder)]
        bytecode.write(folder, python, MOUNTED, docstrings=True)
        content = archive.content(folder)
        (folder / STAMP.format(FUNCTION)).write_text(f"{line}\npython{python} any\n{content}\n")
        file = out.absolute() / f"{name}.zip"
        sha256 = archive.write(folder, file)
    for problem in [f"left out {reason}" for reason in left_out] + provided.missing(settings, sources):
        say(f"warning: {file.name}: {problem}")
    say(f"{file.name}: {len(sources)} modules, {file.stat().st_size / 1000:.1f} KB")
    return Function(name, f"{module}.{attribute}", file, sha256, file.stat().st_size, tuple(sorted(sources)))


def _copy(project: Project, name: str, file: Path, folder: Path) -> list[str]:
    """Copy a module, and of a package also its data files. Returns what is left out, with the reason."""
    target = folder / Path(*name.split("."))
    if file.name != "__init__.py":
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target.with_suffix(".py"))
        return []
    target.mkdir(parents=True, exist_ok=True)
    chosen, left_out = data_files.choose(file.parent, project.root)
    for path in (file, *chosen):
        shutil.copyfile(path, target / path.name)
    return left_out


def _source(project: Project, name: str) -> Path | None:
    inside = Path(*name.split("."))
    for folder in (project.root / "src", project.root):
        for file in (folder / inside / "__init__.py", folder / inside.with_suffix(".py")):
            if file.is_file():
                # In a checkout of org-common itself, org_common is next to the modules. It belongs to the layer.
                return None if inside.parts[0] == "org_common" else file
    return None


def _imports_of(name: str, file: Path) -> Iterator[str]:
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
            # An imported name may be a submodule.
            yield from (f"{base}.{alias.name}" for alias in node.names)
