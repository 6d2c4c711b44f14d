"""What the recorder of the console adds to a request of `org-common dev`.

`python benchmarks/console.py` prints medians of warm requests and their ratio. Without HTTP, so the ratio is an upper
bound for what a browser sees.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path

from cora_modules import demo
from cora_modules.access.orgs import app
from org_common.telemetry.requests import observe
from org_common.testing.client import ISSUER, Client
from org_common.tools.database.local import provision
from org_common.tools.database.migrations import load
from org_common.tools.database.postgres import EmbeddedPostgres
from org_common.tools.project.project import Project, make_importable
from org_common.tools.serve.console.recorder import Recorder

ROOT = Path(__file__).parents[1]
BUDGET = 1.05
BLOCKS, REQUESTS, WARM_UP = 60, 20, 4


def measure(client: Client, path: str) -> tuple[float, float, float]:
    """Milliseconds without and with the recorder, and the median ratio of neighbouring blocks."""
    recorder = Recorder()
    blocks: list[float] = []
    for block in range(2 * BLOCKS):
        with recorder.recording() if block % 2 else nullcontext():
            times: list[float] = []
            for _ in range(REQUESTS):
                began_s = time.perf_counter()
                assert client.get(path).status == 200
                times.append((time.perf_counter() - began_s) * 1000)
        blocks.append(statistics.median(times))
    without, recorded = blocks[WARM_UP::2], blocks[WARM_UP + 1 :: 2]
    ratio = statistics.median(b / a for a, b in zip(without, recorded, strict=True))
    return statistics.median(without), statistics.median(recorded), ratio


def main() -> None:
    """Print one line."""
    project = Project.find(ROOT)
    make_importable(project)
    # As `org-common dev` does.
    observe("text")
    with tempfile.TemporaryDirectory() as folder:
        # PostgreSQL runs as another user when this runs as root.
        Path(folder).chmod(0o711)
        with EmbeddedPostgres.start(Path(folder), extensions=project.extensions) as server:
            migrations = load(project.migrations, root=project.root)
            local = provision(server.url, "console", migrations, extensions=project.extensions)
            demo.seed(local.admin_url, ISSUER)
            with local.serve(app):
                without, recorded, ratio = measure(Client(app, person="alice"), "/orgs")
    print(f"GET /orgs: {without:.3f} ms, recorded {recorded:.3f} ms, ratio {ratio:.3f} (budget {BUDGET})")


if __name__ == "__main__":
    main()
