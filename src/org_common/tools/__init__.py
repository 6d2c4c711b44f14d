"""Development and CI tools. They are never part of a Lambda layer."""
