#!/usr/bin/env bash
# uvicorn with --workers or --reload on asyncio: each response waits some 40 ms on a connection that is kept alive.
#
# asyncio switches Nagle's algorithm off for each connection ("TCP_NODELAY is set by default for all TCP connections",
# documentation of asyncio, "Transports and Protocols"), but only on sockets whose protocol number is that of TCP. With
# --workers or --reload uvicorn opens the socket itself, without a protocol number, and accepted sockets inherit that.
# The head of a response and its body are two writes: the second waits for the acknowledgement of the first, which Linux
# delays. A single process lets asyncio open the socket and is not affected.
# Reported: https://github.com/Kludex/uvicorn/issues/3149
set -euo pipefail

folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 'uvicorn==0.54.0'
cat > hello.py <<'PYTHON'
async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})
PYTHON
cat > ask.py <<'PYTHON'
import http.client
import sys
import time

for _ in range(100):
    connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
    try:
        connection.connect()
        break
    except OSError:
        time.sleep(0.1)
took = []
for _ in range(30):
    began = time.perf_counter()
    connection.request("GET", "/")
    connection.getresponse().read()
    took.append(time.perf_counter() - began)
print(f"{sorted(took)[15] * 1000:.1f}")
PYTHON

median() { # the median time of a response in ms, with these options of uvicorn
    port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
    venv/bin/uvicorn hello:app --port "$port" --loop asyncio --lifespan off --log-level error "$@" &
    server=$!
    venv/bin/python ask.py "$port" > median.txt
    kill "$server"
    wait "$server" 2>/dev/null || true
    server=
    cat median.txt
}

python3 --version
one=$(median)
two=$(median --workers 2)
echo "uvicorn 0.54.0: $one ms a response with one process, $two ms with --workers 2"
python3 -c "import sys; sys.exit(not float(sys.argv[2]) > 5 * float(sys.argv[1]))" "$one" "$two" || {
    echo "this has changed"
    exit 1
}
