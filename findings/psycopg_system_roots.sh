#!/usr/bin/env bash
# psycopg: in the binary wheel `sslrootcert=system` looks in a folder that your machine does not have.
#
# The wheels for Linux bring their own libpq and OpenSSL. `sslrootcert=system` takes the authorities from the folder that
# was compiled into that OpenSSL, and this is one of the machine that built the wheel. Each certificate is then refused
# with "certificate verify failed", also in an image where the authorities of the system are installed. The environment
# variable SSL_CERT_FILE names the right file.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'psycopg[binary]==3.3.9' 'trustme==1.2.1'
cd "$folder"
venv/bin/python - <<'PYTHON'
import contextlib
import ctypes
import os
import socket
import ssl
import sys
import tempfile
import threading
from pathlib import Path

import psycopg
import psycopg_binary
import trustme

if sys.platform != "linux":
    sys.exit("This is about the wheels for Linux.")

[library] = (Path(psycopg_binary.__file__).parents[1] / "psycopg_binary.libs").glob("libcrypto*")
crypto = ctypes.CDLL(str(library))
crypto.X509_get_default_cert_file.restype = crypto.X509_get_default_cert_dir.restype = ctypes.c_char_p
bundled = [Path(crypto.X509_get_default_cert_file().decode()), Path(crypto.X509_get_default_cert_dir().decode())]
system = ssl.get_default_verify_paths()

print(f"Python {sys.version.split()[0]}, psycopg {psycopg.__version__}, libpq {psycopg.pq.version()} of the wheel")
for path in bundled:
    print(f"OpenSSL of the wheel looks at {path}, {'which exists' if path.exists() else 'which does not exist'}")
print(f"OpenSSL of this Python looks at {system.cafile} and {system.capath}")


def connect(context: ssl.SSLContext) -> str:
    """What libpq says of a server that speaks TLS, and then goes away."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            accepted, _ = listener.accept()
            with accepted:
                accepted.recv(8)  # SSLRequest
                accepted.sendall(b"S")
                with contextlib.suppress(ssl.SSLError):
                    context.wrap_socket(accepted, server_side=True).close()

        thread = threading.Thread(target=serve)
        thread.start()
        port = listener.getsockname()[1]
        url = f"host=localhost hostaddr=127.0.0.1 port={port} gssencmode=disable sslmode=verify-full sslrootcert=system"
        try:
            psycopg.connect(url)
        except psycopg.OperationalError as error:
            return str(error)
        finally:
            thread.join()
    return ""


authority = trustme.CA()
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
authority.issue_cert("localhost").configure_cert(context)
os.environ.pop("SSL_CERT_FILE", None)
without = "certificate verify failed" in connect(context)
with tempfile.TemporaryDirectory() as folder:
    file = Path(folder, "authority.pem")
    authority.cert_pem.write_to_path(str(file))
    os.environ["SSL_CERT_FILE"] = str(file)
    named = "certificate verify failed" in connect(context)
print(f"without SSL_CERT_FILE the certificate is {'refused' if without else 'accepted'}")
print(f"with the authority in SSL_CERT_FILE it is {'refused' if named else 'accepted'}")

as_expected = without and not named and not any(path.exists() for path in bundled)
print("as expected" if as_expected else "CHANGED")
sys.exit(not as_expected)
PYTHON
