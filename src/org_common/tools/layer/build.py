"""Builds the zips of the layers, with a stamp and a manifest of their content."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from org_common.lifecycle import precompiled
from org_common.lifecycle.build import STAMP
from org_common.tools.layer import archive, bytecode, install, lock, precompile, sbom
from org_common.tools.layer.settings import LayerSettings
from org_common.tools.layer.strip import strip
from org_common.tools.layer.targets import Target, interpreter

# Where Lambda looks for the Python packages of layers, and the folder for them in the zip.
MOUNTED, INSIDE = "/opt/python", "python/"


@dataclass(frozen=True)
class Built:
    """The built zip of a layer."""

    layer: str
    target: Target
    file: Path
    sha256: str
    line: str
    """Version and hash that a function and its layers must have in common; see `line_of`."""
    build: str
    """Hash of the content."""
    zipped: int
    """Size of the zip in bytes."""
    unzipped: int
    """Size of its files in bytes."""


def build(
    settings: LayerSettings, target: Target, out: Path, layers: Sequence[str], say: Callable[[str], None]
) -> list[Built]:
    """Build these layers into the folder `out`, one zip each. `say` receives progress messages."""
    interpreter(target.python)
    line = line_of(settings)
    return [_build(settings, target, out, layer, line, say) for layer in layers]


def line_of(settings: LayerSettings) -> str:
    """The line: version and hash of org-common's code and of all locked packages.

    A function and its layers must be of the same line. It does not depend on Python, architecture or function.
    """
    content = hashlib.sha256()
    with TemporaryDirectory() as folder:
        install.ours(Path(folder))
        strip(Path(folder))
        for path in archive.files(Path(folder)):
            content.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes())
    for layer in settings.layers:
        for pin in lock.read(settings, layer):
            content.update(f"{layer} {pin.name} {pin.version}\n".encode())
    return f"{version(lock.OURS)}+{content.hexdigest()[:12]}"


def _build(
    settings: LayerSettings, target: Target, out: Path, layer: str, line: str, say: Callable[[str], None]
) -> Built:
    pins = lock.read(settings, layer)
    file = out.absolute() / f"org-common-{layer}-{target.name}.zip"
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        say(f"{layer}: {len(pins)} packages for Python {target.python} on {target.arch}")
        install.packages(pins, target, folder)
        if layer == next(iter(settings.layers)):
            install.ours(folder)
        installed = {metadata: sbom.read(metadata) for metadata in sorted(folder.glob("*.dist-info"))}
        strip(folder, settings.drop)
        # Of some packages nothing is left.
        packages = [package for metadata, package in installed.items() if metadata.exists()]
        say(f"{layer}: compiling bytecode")
        if layer == next(iter(settings.layers)):
            _precompile(folder, pins, target)
        compiled_by = bytecode.write(folder, target.python, MOUNTED, docstrings=False)
        content = archive.content(folder)
        manifest = {
            "layer": layer,
            "line": line,
            "build": content,
            "python": target.python,
            "architecture": target.arch,
            "byte_code": f"CPython {compiled_by}, unchecked hashes",
            "packages": _describe(packages, pins),
        }
        (folder / STAMP.format(layer)).write_text(f"{line}\npython{target.python} {target.arch}\n{content}\n")
        (folder / f"org-common.{layer}.json").write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")
        say(f"{layer}: {file.name}")
        sha256 = archive.write(folder, file, prefix=INSIDE)
        sbom.write(file, layer, line, content, packages)
        unzipped = sum(path.stat().st_size for path in archive.files(folder))
    return Built(layer, target, file, sha256, line, content, file.stat().st_size, unzipped)


def _precompile(folder: Path, pins: Sequence[lock.Pin], target: Target) -> None:
    """Compile the texts that the layer's modules compile. They are the same on all architectures, so import these."""
    with TemporaryDirectory() as temporary:
        path = [folder]
        if not target.runs_here:
            path.append(Path(temporary))
            install.packages(pins, Target(target.python, Target.here().arch), path[-1])
            path.reverse()
        precompile.write(folder / precompiled.FILE, interpreter(target.python), path)


def unpack(built: Sequence[Path], folder: Path) -> Path:
    """Unzip layers into the folder as Lambda does. Returns the folder for `sys.path`."""
    for file in built:
        shutil.unpack_archive(file, folder, "zip")
    return folder / INSIDE.rstrip("/")


def _describe(packages: Sequence[sbom.Package], pins: Sequence[lock.Pin]) -> dict[str, dict[str, object]]:
    """The locked packages for the manifest."""
    found = {lock.normalize(package.name): package for package in packages}
    return {
        pin.name.replace("-", "_"): {
            "version": pin.version,
            "licence": found[pin.name].licence,
            "hashes": list(pin.hashes),
        }
        for pin in pins
        if pin.name in found
    }
