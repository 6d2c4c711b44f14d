"""Builds the zip of each Lambda function: its modules and the project modules that they import, without the layers.

A function that declares requirements has their packages in its zip too.
"""

from __future__ import annotations

import ast
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from org_common.lifecycle.build import FUNCTION, STAMP
from org_common.tools.layer import archive, bytecode, data_files, install, lock, provided
from org_common.tools.layer.build import line_of
from org_common.tools.layer.settings import MB, LayerSettings
from org_common.tools.layer.strip import strip
from org_common.tools.layer.targets import Target, interpreter
from org_common.tools.project.modules import reporting_errors
from org_common.tools.project.project import Project, ProjectError, ToolError

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
    unzipped: int
    """Size of its content in bytes."""
    modules: tuple[str, ...]
    """Names of the modules in the zip."""


def build(
    project: Project,
    settings: LayerSettings,
    python: str,
    out: Path,
    say: Callable[[str], None],
    arch: str | None = None,
) -> list[Function]:
    """Build all functions of the project into the folder `out`.

    Only those with requirements depend on the architecture, by default this machine's. Raises `ToolError` for one that
    is over its budget.
    """
    entries = (*project.apps, *settings.functions)
    if not entries:
        raise ProjectError('no apps: list them in pyproject.toml, [tool.org-common] apps = ["shop.orders:app"]')
    unknown = [entry for entry in settings.requirements if entry not in entries]
    if unknown:
        raise ProjectError(
            f"{unknown[0]!r} in [tool.org-common.layer.requirements] is not one of the project's functions. Functions: "
            f"{', '.join(entries)}"
        )
    interpreter(python)
    target = Target(python, arch or Target.here().arch)
    line = line_of(settings)
    return [_build(project, settings, app, target, line, out, say) for app in entries]


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
    target: Target,
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
        own = _install(settings, app, target, folder)
        left_out = [reason for source, file in sources.items() for reason in _copy(project, source, file, folder)]
        bytecode.write(folder, target.python, MOUNTED, docstrings=not own)
        content = archive.content(folder)
        built_for = f"python{target.python} {target.arch if own else 'any'}"
        (folder / STAMP.format(FUNCTION)).write_text(f"{line}\n{built_for}\n{content}\n")
        file = out.absolute() / f"{name}.zip"
        sha256 = archive.write(folder, file)
        unzipped = sum(path.stat().st_size for path in archive.files(folder))
    for problem in [f"left out {reason}" for reason in left_out] + provided.missing(settings, sources, own):
        say(f"warning: {file.name}: {problem}")
    built = Function(name, f"{module}.{attribute}", file, sha256, file.stat().st_size, unzipped, tuple(sorted(sources)))
    say(f"{file.name}: {len(sources)} modules, {built.zipped / 1000:.1f} KB")
    _check_budget(settings, app, built)
    return built


def _install(settings: LayerSettings, app: str, target: Target, folder: Path) -> list[str]:
    """Install the function's own packages, stripped as those of layers are. Returns their names."""
    if app not in settings.requirements:
        return []
    pins = lock.read(settings, app)
    install.packages(pins, target, folder)
    strip(folder, settings.drop)
    return [pin.name for pin in pins]


def _check_budget(settings: LayerSettings, app: str, built: Function) -> None:
    budget = settings.budgets.get(app)
    if budget is None or (built.zipped <= budget.zipped and built.unzipped <= budget.unzipped):
        return
    raise ToolError(
        f"{built.file.name} has {built.zipped / MB:.2f} MB, {built.unzipped / MB:.2f} MB unzipped, and its budget is "
        f"{budget.zipped / MB:g} and {budget.unzipped / MB:g} MB: remove a package from "
        "[tool.org-common.layer.requirements], or raise the budget"
    )


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
