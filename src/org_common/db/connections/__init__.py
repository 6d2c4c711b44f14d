"""Opening, checking, reusing and retrying database connections."""
