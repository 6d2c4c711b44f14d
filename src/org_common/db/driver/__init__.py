"""psycopg: which parts of it a process loads, and when."""
