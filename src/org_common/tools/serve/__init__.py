"""The local server: apps behind ASGI, tokens, a scripted tour."""
