"""Who is who: organizations, their members, and the people behind the tokens."""
