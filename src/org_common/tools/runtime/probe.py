"""Runs in a local Lambda environment before AWS's client: sets the import path and records every compilation.

Run by file name with `python -I -S`: it is not part of a package, and imports nothing from org-common.
"""

import os
import sys


def main(record: str, path: str, handler: str) -> None:
    """Serve `handler` with only `path` to import from. Appends the name of each compiled file to the file `record`."""
    folders = path.split(os.pathsep)
    sys.path[:0] = folders
    lines = os.open(record, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        # Code that is generated at run time is compiled too, for example by dataclasses. It has no file in the folders.
        if event == "compile" and isinstance(arguments[1], str) and arguments[1].startswith(tuple(folders)):
            os.write(lines, f"{arguments[1]}\n".encode())

    sys.addaudithook(watch)
    from awslambdaric.__main__ import main as serve  # type: ignore[import-untyped]

    serve([sys.argv[0], handler])


if __name__ == "__main__":
    main(*sys.argv[1:])
