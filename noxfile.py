"""Development tasks: `nox -l` lists them, `nox -s tests` runs one.

Each session has its own environment in .nox/, installed from requirements-dev.txt only.
"""

import os
import shutil
import sys

if sys.version_info < (3, 11):  # noqa: UP036 - the user's .venv may have an older Python
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    sys.exit(
        f"org-common needs Python 3.11 or newer, but .venv has {version}. Create it again with a newer one:\n"
        "    rm -rf .venv && python3.13 -m venv .venv && .venv/bin/pip install -q nox"
    )

from pathlib import Path
from tempfile import TemporaryDirectory

import nox

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["lint", "types", "tests"]

ROOT = Path(__file__).parent
LOCK = "requirements-dev.txt"
# Time after Ctrl-C to stop and remove a PostgreSQL.
STOP_S = 10.0
# Processes that run tests at once, each with its own PostgreSQL.
WORKERS = min(os.cpu_count() or 1, 4)
# Tests that fail when other tests take their share of the processor.
ALONE = ("tests/soak/test_environments.py",)

# pyenv's shims work only for the selected version; all versions are in these folders.
for folder in Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions").glob("3.*/bin"):
    os.environ["PATH"] += os.pathsep + str(folder)


@nox.session
def dev(session: nox.Session) -> None:
    """Start the local server. Put its options after `--`."""
    # The last ones for the documents and answers of the tour.
    cora = nox.project.dependency_groups(nox.project.load_toml("pyproject.toml"), "cora")
    session.install("-c", LOCK, *needs("asgi", "auth", "dev", "queues", "local"), *cora)
    install_this(session)
    session.run("org-common", "dev", *session.posargs, interrupt_timeout=STOP_S)


@nox.session
def tests(session: nox.Session) -> None:
    """Run all tests. Put options for pytest after `--`."""
    run_tests(session)


@nox.session(python=["3.11", "3.12", "3.13"])
def tests_all(session: nox.Session) -> None:
    """Run all tests on every supported Python that is installed."""
    run_tests(session)


@nox.session
def faults(session: nox.Session) -> None:
    """Run the fault-injection tests in full: about twenty minutes, report in build/reports."""
    run_tests(session, "tests/faults", ORG_COMMON_FAULTS="long")


@nox.session
def soak(session: nox.Session) -> None:
    """Run the soak tests in full: an hour or more, report in build/reports."""
    run_tests(session, "tests/soak", ORG_COMMON_SOAK="long")


@nox.session
def fuzz(session: nox.Session) -> None:
    """Fuzz everything that parses caller input for forty minutes, guided by coverage."""
    run_tests(session, "tests/fuzz", "-s", ORG_COMMON_FUZZ="long")


@nox.session
def infra(session: nox.Session) -> None:
    """Run the tests of Terraform in full: a stack is applied to moto and destroyed, in minutes."""
    run_tests(session, "tests/infra", ORG_COMMON_INFRA="long")


@nox.session
def scan(session: nox.Session) -> None:
    """Scan Terraform's plan of a complete stack with checkov, which it installs on demand: no unexplained finding."""
    session.install("-r", LOCK)
    install_this(session)
    session.run("python", "-m", "tests.infra.scan")


@nox.session
def floors(session: nox.Session) -> None:
    """Run the token tests with the oldest supported PyJWT."""
    session.install("-r", LOCK)
    install_this(session)
    [floor] = [line for line in needs("auth") if line.startswith("PyJWT")]
    session.install(floor.replace(">=", "=="))
    session.run("pytest", "tests/org_common/auth", *session.posargs)


@nox.session
def audit(session: nox.Session) -> None:
    """Look up advisories for everything that is locked, in the layers and here. Needs PyPI itself, or `-- -s osv`."""
    session.install("pip-audit>=2.10,<3")
    files = [LOCK, *(str(path.relative_to(ROOT)) for path in sorted(ROOT.glob("layer/*.txt")))]
    options = [part for file in files for part in ("-r", file)]
    # Strict: a package that could not be looked up, as behind a mirror without advisories, fails the audit.
    command = ["pip-audit", "--strict", "--require-hashes", "--disable-pip", *options, *session.posargs]
    output = str(session.run(*command, silent=True, success_codes=[0, 1]))
    session.log(output.strip())
    if " known vulnerabilit" in output and "No known" not in output:
        session.error("locked packages have known vulnerabilities, listed above")
    if "No known vulnerabilities found" not in output or "ERROR:" in output:
        # The databases that packages ship are too old to stand in: that of safety-db ends in July 2021.
        session.error(
            "the advisories could not be read, so nothing was audited. Run this where PyPI itself can be reached "
            "rather than a mirror, or read those of OSV: nox -s audit -- -s osv"
        )


@nox.session
def contract(session: nox.Session) -> None:
    """Send the local server over ten thousand requests, valid and invalid by its OpenAPI document."""
    run_tests(session, "tests/contract", ORG_COMMON_CONTRACT="long")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, format, import contracts and words. `nox -s lint -- --fix` fixes what can be fixed automatically."""
    session.install("-c", LOCK, "ruff", "import-linter")
    if "--fix" in session.posargs:
        session.run("ruff", "check", "--fix")
        session.run("ruff", "format")
    else:
        session.run("ruff", "check")
        session.run("ruff", "format", "--check")
    session.run("lint-imports", "--no-logo", env={"PYTHONPATH": "src"})
    session.run("python", "-m", "tests.docs.words")


@nox.session
def types(session: nox.Session) -> None:
    """Check types with two checkers: only basedpyright rejects SQL that is assembled at run time."""
    session.install("-r", LOCK)
    install_this(session)
    session.run("mypy", "src", "tests", "docs/_hooks")
    # By default it uses .venv, which has only nox.
    session.run("basedpyright", "--pythonpath", str(Path(session.bin, "python")))
    with TemporaryDirectory() as elsewhere, session.chdir(elsewhere):
        # As users see the package: in here, the configuration of this repository would apply.
        session.run("basedpyright", "--verifytypes", "org_common", "--ignoreexternal")
    for example in sorted(ROOT.glob("examples/*/")):
        # Each example is a separate project: module names can repeat.
        with session.chdir(example):
            session.run("mypy", "--config-file", str(ROOT / "pyproject.toml"), ".")


@nox.session
def layer(session: nox.Session) -> None:
    """Build the layers for this Python, and check budgets, import gates and a run on a read-only path."""
    # Only an installed package says which modules it has: markdown-it-py is markdown_it.
    cora = nox.project.dependency_groups(nox.project.load_toml("pyproject.toml"), "cora")
    session.install("-c", LOCK, *needs("asgi", "auth", "dev"), *cora)
    install_this(session)
    session.run("org-common", "imports")
    session.run("org-common", "layer", "check")
    session.run("org-common", "layer", "verify")


@nox.session
def dist(session: nox.Session) -> None:
    """Build the wheel and the source distribution into dist/, and check both."""
    build = nox.project.dependency_groups(nox.project.load_toml("pyproject.toml"), "build")
    session.install("-c", LOCK, "check-wheel-contents", "twine", "uv", *build)
    folder = ROOT / "dist"
    shutil.rmtree(folder, ignore_errors=True)
    # The wheel is built from the source distribution, so that both are complete.
    python = str(Path(session.bin, "python"))
    session.run("uv", "build", "--quiet", "--no-build-isolation", "--python", python, "--out-dir", str(folder))
    files = sorted(str(path) for path in folder.iterdir() if path.suffix in (".gz", ".whl"))
    session.run("twine", "check", "--strict", *files)
    session.run("check-wheel-contents", *[file for file in files if file.endswith(".whl")])


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation site into site/; `nox -s docs -- serve` serves it and follows your changes."""
    # Ruff breaks the lines of signatures.
    session.install("-c", LOCK, "ruff", *nox.project.dependency_groups(nox.project.load_toml("pyproject.toml"), "docs"))
    session.run("mkdocs", *(session.posargs or ("build", "--strict")), env={"NO_MKDOCS_2_WARNING": "1"})


@nox.session
def bench(session: nox.Session) -> None:
    """Run the benchmarks. Put their names after `--`, for example `nox -s bench -- imports read`."""
    session.install("-r", LOCK)
    install_this(session)
    session.run("python", "benchmarks/run.py", *session.posargs)


@nox.session(python=False)
def findings(session: nox.Session) -> None:
    """Show how libraries of others behave; names of scripts in findings/ go after `--`."""
    scripts = {path.stem: path for path in sorted(ROOT.glob("findings/*.sh"))}
    for name in session.posargs or scripts:
        session.run("bash", str(scripts[name]), external=True)


@nox.session
def lock(session: nox.Session) -> None:
    """Update requirements-dev.txt. `nox -s lock -- --upgrade` upgrades to the newest versions."""
    session.install("uv")
    project = nox.project.load_toml("pyproject.toml")["project"]
    # `local-e5` is 91 MB for one model, which the tests do without.
    extras = [f"--extra={extra}" for extra in project["optional-dependencies"] if extra != "local-e5"]
    # fmt: off
    session.run(
        "uv", "--no-config", "pip", "compile", "pyproject.toml", "--output-file", LOCK, "--quiet",
        *extras, "--group", "build", "--group", "checks", "--group", "cora", "--group", "docs",
        "--universal", "--python-version", "3.11", "--generate-hashes", "--no-annotate",
        # The package index depends on the machine that installs, so it is not part of the lock.
        "--no-emit-index-url", "--no-emit-find-links", "--custom-compile-command", "nox -s lock",
        *session.posargs,
    )
    # fmt: on


def run_tests(session: nox.Session, *paths: str, **environment: str) -> None:
    """Run pytest in the session's environment, with these additional environment variables.

    All tests run in several processes. Chosen ones run in one, where options such as `--pdb` work.
    """
    session.install("-r", LOCK)
    install_this(session)
    if paths or session.posargs:
        calls: list[tuple[str, ...]] = [(*paths, *session.posargs)]
    else:
        calls = [("-n", str(WORKERS), *(f"--ignore={path}" for path in ALONE)), ALONE]
    for arguments in calls:
        session.run("pytest", *arguments, env=environment, interrupt_timeout=STOP_S)


def install_this(session: nox.Session) -> None:
    """Install the checkout as editable. Its requirements are installed already, with checked hashes."""
    session.install("--no-deps", "--no-build-isolation", "-e", ".")


def needs(*extras: str) -> list[str]:
    """Requirements of the package with these extras, and to build it; the lock file has the versions."""
    pyproject = nox.project.load_toml("pyproject.toml")
    project = pyproject["project"]
    groups = [project["dependencies"], *(project["optional-dependencies"][extra] for extra in extras)]
    requirements = [line for group in groups for line in group if not line.startswith(project["name"])]
    return requirements + pyproject["dependency-groups"]["build"]
