"""The event that a measurement asks with: the demo's example on a real database, where the project has a demo."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from org_common.events import http_api as gateway
from org_common.tools.project.project import Project, ToolError, make_importable


@contextmanager
def example(project: Project, given: Path | None = None) -> Iterator[tuple[Any, dict[str, str]]]:
    """An event and the environment variables that its function needs; the database lives as long as the block.

    `given` is a file with an event, which then finds its database by the variables of this process. Without a demo the
    event asks for a path that is not there, and no database is started.
    """
    ours = {name: value for name, value in os.environ.items() if name.startswith("ORG_COMMON_")}
    if given is not None:
        try:
            event = json.loads(given.read_bytes())
        except ValueError as error:
            raise ToolError(f"{given} is no JSON: {error}") from error
        yield event, ours
        return
    make_importable(project)
    from org_common.tools.serve import devserver
    from org_common.tools.serve.issuer import ISSUER, subject

    module = devserver.demo(project)
    if module is None:
        yield gateway.event("GET", "/no/such/route"), ours
        return
    person, path = module.EXAMPLE
    claims = json.dumps({"iss": ISSUER, "sub": subject(person), "exp": 4102444800})
    with tempfile.TemporaryDirectory() as folder:
        # Where this runs as root the server does not, and must reach its data.
        Path(folder).chmod(0o711)
        with devserver.database(project, Path(folder)) as local:
            # The function believes that it is in Lambda, and refuses what is plain there.
            variables = {**devserver.environment(local, Path(folder)), "ORG_COMMON_ALLOW_PLAIN_SECRETS": "1"}
            yield gateway.event("GET", path, headers={"host": "api.test"}, claims=claims), variables
