"""The event for measurements: the demo's example, with a real database, if the project has a demo."""

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
def example(project: Project, file: Path | None = None) -> Iterator[tuple[Any, dict[str, str]]]:
    """An event, and the environment variables that its function needs. The database stops at the end of the block.

    `file` is a JSON file with another event; the function then gets the ORG_COMMON_ variables of this process. Without
    a demo, the event requests a path that does not exist, and no database is started.
    """
    variables = {name: value for name, value in os.environ.items() if name.startswith("ORG_COMMON_")}
    if file is not None:
        try:
            event = json.loads(file.read_bytes())
        except ValueError as error:
            raise ToolError(f"{file} is not valid JSON: {error}") from error
        yield event, variables
        return
    make_importable(project)
    from org_common.tools.serve import demo_module, devserver
    from org_common.tools.serve.issuer import ISSUER, subject

    module = demo_module.find(project)
    if module is None:
        yield gateway.event("GET", "/no/such/route"), variables
        return
    person, path = module.EXAMPLE
    claims = json.dumps({"iss": ISSUER, "sub": subject(person), "exp": 4102444800})
    with tempfile.TemporaryDirectory() as folder:
        # When this runs as root, PostgreSQL runs as another user that must be able to enter the folder.
        Path(folder).chmod(0o711)
        with devserver.database(project, Path(folder)) as local:
            # The function runs as in Lambda, where it refuses plain-text secrets by default.
            variables = {**devserver.environment(local, Path(folder)), "ORG_COMMON_ALLOW_PLAIN_SECRETS": "1"}
            yield gateway.event("GET", path, headers={"host": "api.test"}, claims=claims), variables
