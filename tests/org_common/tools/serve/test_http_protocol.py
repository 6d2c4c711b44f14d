"""Connections of the local server send each part of a response at once."""

import http.client
import socket
import threading
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from org_common.tools.serve.http_protocol import PromptProtocol


async def respond(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


# Uvicorn's own protocol shows that the test tells the two apart. If it fails there, `PromptProtocol` is not needed.
@pytest.mark.parametrize(("protocol", "is_prompt"), [(PromptProtocol, True), (AutoHTTPProtocol, False)])
def test_nagles_algorithm_is_off(protocol: type[Any], is_prompt: bool) -> None:
    # As uvicorn opens it with `--reload`: without a protocol.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        server = uvicorn.Server(
            uvicorn.Config(respond, http=protocol, log_level="error", lifespan="off", loop="asyncio")
        )
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        connection = http.client.HTTPConnection("127.0.0.1", listener.getsockname()[1], timeout=20)
        try:
            connection.request("GET", "/")
            body = connection.getresponse().read()
            [served] = server.server_state.connections
            accepted = served.transport.get_extra_info("socket")
            delay = accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 0
        finally:
            connection.close()
            server.should_exit = True
            thread.join()

    assert body == b"ok"
    assert delay is not is_prompt
