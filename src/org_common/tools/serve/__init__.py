"""The local server: the project's apps over ASGI, a token issuer, and a scripted tour."""
