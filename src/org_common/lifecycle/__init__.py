"""The life of this process: how it was started, is frozen, forks and ends."""
