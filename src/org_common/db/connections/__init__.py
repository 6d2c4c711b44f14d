"""How connections are opened, checked, reused, and when they are retried."""
