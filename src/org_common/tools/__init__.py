"""What developers and CI run. Never part of a Lambda layer."""
