"""`python benchmarks/run.py [NAME …]`: run benchmarks, and print ratios with their budgets."""

import sys

import authorizer
import coldstart
import db_prove
import harness
import imports
import ingest
import observability
import outbox
import peers
import read
import request
import routes
import secrets_cold
import stream
import three_routes

ALL = {
    "imports": imports.main,
    "authorizer": authorizer.main,
    "request": request.main,
    "peers": peers.main,
    "routes": routes.main,
    "read": read.main,
    "observability": observability.main,
    "outbox": outbox.main,
    "secrets": secrets_cold.main,
    "stream": stream.main,
    "ingest": ingest.main,
    "three_routes": three_routes.main,
    "coldstart": coldstart.main,
    "db_prove": db_prove.main,
}
# They download the peers' packages, and the documents, the cold starts and the proofs take minutes.
ON_REQUEST = {"ingest", "three_routes", "coldstart", "db_prove"}


def main() -> None:
    wanted = sys.argv[1:] or [name for name in ALL if name not in ON_REQUEST]
    unknown = [name for name in wanted if name not in ALL]
    if unknown:
        sys.exit(f"there is no benchmark {unknown[0]!r}. Benchmarks: {', '.join(ALL)}")
    harness.machine()
    for name in wanted:
        ALL[name]()


if __name__ == "__main__":
    main()
