"""What is seen of a request: its log lines, its metrics, its place in a trace."""
