"""`python benchmarks/run.py [imports|request|read|secrets …]`: measure and print ratios beside their budgets."""

import sys

import harness
import imports
import read
import request
import secrets_cold

ALL = {"imports": imports.main, "request": request.main, "read": read.main, "secrets": secrets_cold.main}


def main() -> None:
    wanted = sys.argv[1:] or list(ALL)
    unknown = [name for name in wanted if name not in ALL]
    if unknown:
        sys.exit(f"there is no benchmark {unknown[0]!r}: there are {', '.join(ALL)}")
    harness.machine()
    for name in wanted:
        ALL[name]()


if __name__ == "__main__":
    main()
