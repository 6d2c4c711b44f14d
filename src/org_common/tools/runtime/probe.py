"""Runs inside a Lambda environment of ours, before AWS's client: an empty path, and every compilation counted.

Called by file name with `python -I -S`: it has no package, and imports nothing of ours.
"""

import os
import sys


def main(record: str, path: str, handler: str) -> None:
    """Serve `handler` with nothing but `path` to import from; the files that were compiled are lines of `record`."""
    places = path.split(os.pathsep)
    sys.path[:0] = places
    lines = os.open(record, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        # Text that is put together at run time is compiled as well, by dataclasses for one: its name is no file's.
        if event == "compile" and isinstance(arguments[1], str) and arguments[1].startswith(tuple(places)):
            os.write(lines, f"{arguments[1]}\n".encode())

    sys.addaudithook(watch)
    from awslambdaric.__main__ import main as serve  # type: ignore[import-untyped]

    serve([sys.argv[0], handler])


if __name__ == "__main__":
    main(*sys.argv[1:])
