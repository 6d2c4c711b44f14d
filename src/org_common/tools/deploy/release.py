"""A release: builds a project, plans it with Terraform, checks the plan, applies it, and looks for drift."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from org_common.tools.database.migrations import Migration, load
from org_common.tools.deploy import recorded, services, words
from org_common.tools.deploy.checks import violations
from org_common.tools.deploy.plan import Plan, resources
from org_common.tools.deploy.recorded import Recorded
from org_common.tools.deploy.terraform import Terraform, find
from org_common.tools.doctor import builds
from org_common.tools.doctor.examine import Scope, examine
from org_common.tools.doctor.finding import Finding
from org_common.tools.layer import build as layers
from org_common.tools.layer import functions
from org_common.tools.layer.settings import LayerSettings
from org_common.tools.layer.targets import Target
from org_common.tools.manifest import document
from org_common.tools.manifest.functions import stem
from org_common.tools.project import apps
from org_common.tools.project.project import Project, ToolError, make_importable

Json = dict[str, Any]
MANIFEST = "manifest.json"
# What a deploy leaves in order: the rest of the doctor's findings is about databases and settings.
_DRIFT = ("aws.", "build.", "function.", "role.", "secret.")


@dataclass(frozen=True)
class Options:
    """The options of a release."""

    folder: Path
    """Folder of the Terraform configuration."""
    out: Path
    """Folder for the zips and the manifest."""
    python: str | None = None
    """Python of the Lambda runtime; None for the current one."""
    arch: str | None = None
    """Architecture of the functions; None for this machine's."""
    build: bool = True
    """Build the zips; otherwise take those in `out`."""
    program: str | None = None
    """The program terraform; None for the one on the PATH."""
    plugins: Path | None = None
    """Folder with a mirror of the providers."""
    variables: Sequence[Path] = ()
    """Files with variables for Terraform."""
    migrator_url: str | None = None
    """URL of app_migrator; None leaves the migrations out."""

    @property
    def target(self) -> Target:
        """The target of the build."""
        here = Target.here()
        return Target(self.python or here.python, self.arch or here.arch)


@dataclass(frozen=True)
class Prepared:
    """A release that is built, planned and checked."""

    project: Project
    options: Options
    terraform: Terraform
    file: Path
    """The plan, which is applied exactly as it was shown."""
    plan: Plan
    recorded: Recorded
    pending: Sequence[Migration]
    """The migrations that are applied before the code."""

    @property
    def has_changes(self) -> bool:
        """Something is to be applied."""
        return bool(self.pending) or not self.plan.is_empty

    def lines(self) -> list[str]:
        """What changes, in words: what a person should look at ends with a word in brackets."""
        if not self.has_changes:
            return []
        counts = ", ".join(f"{number} to {what}" for what, number in self.plan.counts().items())
        changes = [*words.of_migrations(self.pending), *words.of_plan(self.plan, self.recorded)]
        return [*map(str, changes), f"resources: {counts}"]

    def apply(self, say: Callable[[str], None]) -> None:
        """Apply the pending migrations, then the plan. `say` receives a line for each migration."""
        if self.pending and self.options.migrator_url is not None:
            from org_common.tools.database import schema

            everything = load(self.project.migrations, root=self.project.root)
            schema.migrate(self.options.migrator_url, everything, on_apply=lambda each: say(f"applied {each}"))
        if not self.plan.is_empty:
            self.terraform.apply(self.file)

    @property
    def staged(self) -> dict[str, str]:
        """The functions whose aliases CodeDeploy moves, each with its CodeDeploy application."""
        groups = self.plan.of("aws_codedeploy_deployment_group")
        return {group.get("deployment_group_name"): group.get("app_name") for group in groups}

    def versions(self) -> dict[str, str]:
        """The version of each function that Terraform published last."""
        module = self.terraform.state().get("values", {}).get("root_module", {})
        functions = [resource for resource in resources(module) if resource.type == "aws_lambda_function"]
        return {function.get("function_name"): function.get("version") for function in functions}

    def drift(self) -> list[Finding]:
        """Where deployed functions, layers and roles differ from the build."""
        loaded = apps.load(self.project)
        stems = [stem(entry) for entry in self.project.apps]
        scope = Scope(
            apps={app.name: app for app in loaded},
            zips={app.name: stem for app, stem in zip(loaded, stems, strict=True)},
            aws=True,
            prefix=self.recorded.place["prefix"],
            region=self.recorded.place["region"],
            build=self.options.out,
        )
        return [finding for finding in examine(scope).findings if finding.id.startswith(_DRIFT)]


@contextmanager
def prepare(
    project: Project, options: Options, say: Callable[[str], None], say_details: Callable[[str], None]
) -> Iterator[Prepared]:
    """Build, plan and check a release. Its plan is deleted at the end of the block: it may hold secrets.

    `say` receives progress, `say_details` what Terraform prints. Raises `ToolError` for the first step that fails.
    """
    terraform = Terraform(options.folder, find(options.program), say_details)
    make_importable(project)
    described = _build(project, options, say)
    pending = _pending(project, options.migrator_url, say)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "plan"
        say(f"terraform: planning {options.folder}")
        terraform.init(options.plugins)
        plan = Plan(terraform.plan(file, [f"-var-file={path.absolute()}" for path in options.variables]))
        yield Prepared(project, options, terraform, file, plan, _checked(plan, described, options), pending)


def _build(project: Project, options: Options, say: Callable[[str], None]) -> Json:
    """Build the zips, and write the manifest."""
    target, out = options.target, options.out
    if options.build:
        # Refused before the build rather than after it.
        document.manifest(project, target)
        settings = LayerSettings.find(project.root)
        out.mkdir(parents=True, exist_ok=True)
        line = layers.build(settings, target, out, list(settings.layers), say)[0].line
        functions.build(project, settings, target.python, out, say, target.arch)
        for built in builds.read(out):
            # Of functions that were removed, from an earlier build.
            if built.line != line:
                built.file.unlink()
    described = document.manifest(project, target, out)
    missing = [name for name, function in described["functions"].items() if function["zip"] is None]
    if missing:
        raise ToolError(f"{out} has no zip of {', '.join(missing)}: build them, without --no-build")
    (out / MANIFEST).write_text(document.dump(described), encoding="utf-8")
    return described


def _pending(project: Project, url: str | None, say: Callable[[str], None]) -> list[Migration]:
    if url is None:
        if project.migrations:
            say("migrations: not checked. Set --migrator-url, or run org-common db migrate before you deploy")
        return []
    from org_common.tools.database import schema

    states = schema.status(url, load(project.migrations, root=project.root))
    for state in states:
        if state.problem:
            raise ToolError(f"migrations: {state.problem}")
    return [state.migration for state in states if state.applied_at is None]


def _checked(plan: Plan, described: Json, options: Options) -> Recorded:
    """The stack in the plan. Raises `ToolError` if it deploys another manifest, or violates its own."""
    stack = recorded.read(plan, options.folder)
    if stack.after != json.loads(json.dumps(described)):
        raise ToolError(
            f"the configuration in {options.folder} reads another manifest than {options.out / MANIFEST}: correct "
            "`manifest` of its module stack, or --out"
        )
    problems = violations(plan.within(stack.module), stack.after, stack.place)
    problems += services.violations(plan, stack.after)
    if problems:
        raise ToolError("\n".join(["the plan is refused:", *(f"  {problem}" for problem in problems)]))
    return stack
