"""Organizations, their members, and the users behind the tokens."""
