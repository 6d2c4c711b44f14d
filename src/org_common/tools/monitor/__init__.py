"""How the functions run and what the database does, on a terminal and as a page."""
