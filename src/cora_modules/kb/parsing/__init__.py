"""Files to text: what a file is, its text, and the structure of that text. Only the worker imports this package."""
