"""The chores of this project: `nox -l` lists them, `nox -s tests` runs one.

Each has an environment of its own under .nox/, filled from requirements-dev.txt and nothing else.
"""

import os
import sys

if sys.version_info < (3, 11):  # noqa: UP036 - who reads this has made .venv with an older one
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    sys.exit(
        f"org-common needs Python 3.11 or newer, and .venv has {version}. Make it again with a newer one:\n"
        "    rm -rf .venv && python3.13 -m venv .venv && .venv/bin/pip install -q nox"
    )

from pathlib import Path

import nox

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["lint", "types", "tests"]

ROOT = Path(__file__).parent
LOCK = "requirements-dev.txt"
# After Ctrl-C: a PostgreSQL is stopped and removed.
STOP_S = 10.0

# pyenv's shims answer for the version that is switched on; all others are in these folders.
for folder in Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions").glob("3.*/bin"):
    os.environ["PATH"] += os.pathsep + str(folder)


@nox.session
def dev(session: nox.Session) -> None:
    """Start the local server; options go after `--`."""
    session.install("-c", LOCK, *needs("asgi", "auth", "dev"))
    install_this(session)
    session.run("org-common", "dev", *session.posargs, interrupt_timeout=STOP_S)


@nox.session
def tests(session: nox.Session) -> None:
    """Run all tests; options of pytest go after `--`."""
    run_tests(session)


@nox.session(python=["3.11", "3.12", "3.13"])
def tests_all(session: nox.Session) -> None:
    """Run all tests on each Python that this machine has."""
    run_tests(session)


@nox.session
def faults(session: nox.Session) -> None:
    """Run the long form of what the tests break on purpose: some twenty minutes, report in build/reports."""
    run_tests(session, "tests/faults", ORG_COMMON_FAULTS="long")


@nox.session
def soak(session: nox.Session) -> None:
    """Run the long form of what the tests do a thousand times: an hour or more, report in build/reports."""
    run_tests(session, "tests/soak", ORG_COMMON_SOAK="long")


@nox.session
def fuzz(session: nox.Session) -> None:
    """Feed what callers can send with anything for forty minutes, guided by what is reached."""
    run_tests(session, "tests/fuzz", "-s", ORG_COMMON_FUZZ="long")


@nox.session
def floors(session: nox.Session) -> None:
    """Run the tests of tokens on the oldest PyJWT that the package allows."""
    session.install("-r", LOCK)
    install_this(session)
    [floor] = [line for line in needs("auth") if line.startswith("PyJWT")]
    session.install(floor.replace(">=", "=="))
    session.run("pytest", "tests/org_common/auth", *session.posargs)


@nox.session
def contract(session: nox.Session) -> None:
    """Ask the local server more than ten thousand things that its OpenAPI document allows and does not allow."""
    run_tests(session, "tests/contract", ORG_COMMON_CONTRACT="long")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, format, imports and words. `nox -s lint -- --fix` mends what can be mended."""
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
    """Check all types, with two checkers: only basedpyright refuses SQL that was put together."""
    session.install("-r", LOCK)
    install_this(session)
    session.run("mypy", "src", "tests", "docs/_hooks")
    # By itself it would look into .venv, where there is only nox.
    session.run("basedpyright", "--pythonpath", str(Path(session.bin, "python")))
    for example in sorted(ROOT.glob("examples/*/")):
        # Each is a project of its own, and names its modules as it likes.
        with session.chdir(example):
            session.run("mypy", "--config-file", str(ROOT / "pyproject.toml"), ".")


@nox.session
def layer(session: nox.Session) -> None:
    """Build the layer for this Python, and hold it against its budgets, import gates and a read-only path."""
    session.install("-c", LOCK, *needs("asgi", "auth", "dev"))
    install_this(session)
    session.run("org-common", "imports")
    session.run("org-common", "layer", "check")
    session.run("org-common", "layer", "verify")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation site into site/; `nox -s docs -- serve` serves it and follows your changes."""
    # Ruff breaks the lines of signatures.
    session.install("-c", LOCK, "ruff", *nox.project.dependency_groups(nox.project.load_toml("pyproject.toml"), "docs"))
    session.run("mkdocs", *(session.posargs or ("build", "--strict")), env={"NO_MKDOCS_2_WARNING": "1"})


@nox.session
def bench(session: nox.Session) -> None:
    """Run the benchmarks; what to compare goes after `--`."""
    session.install("-r", LOCK)
    install_this(session)
    session.run("python", "benchmarks/run.py", *session.posargs)


@nox.session
def findings(session: nox.Session) -> None:
    """Show how libraries of others behave; names of scripts in findings/ go after `--`."""
    session.install("-c", LOCK, "uv")
    scripts = {path.stem: path for path in sorted(ROOT.glob("findings/*.py"))}
    for name in session.posargs or scripts:
        session.run("uv", "run", "--quiet", "--script", str(scripts[name]))


@nox.session
def lock(session: nox.Session) -> None:
    """Bring requirements-dev.txt up to date; `nox -s lock -- --upgrade` takes the newest versions."""
    session.install("uv")
    session.run(
        *("uv", "--no-config", "pip", "compile", "pyproject.toml", "--output-file", LOCK, "--quiet"),
        *("--all-extras", "--group", "build", "--group", "checks", "--group", "docs"),
        *("--universal", "--python-version", "3.11", "--generate-hashes", "--no-annotate"),
        # Where packages come from is the business of the machine that installs them.
        *("--no-emit-index-url", "--no-emit-find-links", "--custom-compile-command", "nox -s lock"),
        *session.posargs,
    )


def run_tests(session: nox.Session, *paths: str, **environment: str) -> None:
    session.install("-r", LOCK)
    install_this(session)
    session.run("pytest", *paths, *session.posargs, env=environment, interrupt_timeout=STOP_S)


def install_this(session: nox.Session) -> None:
    """Put the checkout on the path, editable. All that this needs is there already, and the lock has checked it."""
    session.install("--no-deps", "--no-build-isolation", "-e", ".")


def needs(*extras: str) -> list[str]:
    """What the package with these extras needs, and what it takes to install it; the lock knows the versions."""
    pyproject = nox.project.load_toml("pyproject.toml")
    project = pyproject["project"]
    lists = [project["dependencies"], *(project["optional-dependencies"][extra] for extra in extras)]
    named = [line for lines in lists for line in lines if not line.startswith(project["name"])]
    return named + pyproject["dependency-groups"]["build"]
