"""The console of the local server at `/console`: recent requests with their access rule and statements."""
