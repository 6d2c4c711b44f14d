"""What is seen of a request: log lines, metrics, traces. Nothing of it is imported before somebody looks."""
