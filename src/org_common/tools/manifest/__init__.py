"""The manifest: what a project needs from AWS, as one JSON document."""
