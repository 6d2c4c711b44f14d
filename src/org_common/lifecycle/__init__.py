"""How this process started, froze, forked and ends."""
