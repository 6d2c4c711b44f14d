"""SHA-256 and BLAKE2b without OpenSSL, which hashlib loads: 4 ms of a cold start for one digest.

The functions are hashlib's own without OpenSSL; stdlib's `random` imports them like this too. Imported at first use.
"""

TYPE_CHECKING = False

if TYPE_CHECKING:
    from hashlib import blake2b, sha256
else:
    try:
        from _sha2 import sha256  # Python 3.12 and later
    except ImportError:
        try:
            from _sha256 import sha256
        except ImportError:
            from hashlib import sha256
    try:
        from _blake2 import blake2b
    except ImportError:
        from hashlib import blake2b

__all__ = ["blake2b", "sha256"]
