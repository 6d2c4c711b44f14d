"""Locks, builds, measures and verifies the Lambda layers. This package itself is not part of them."""
