"""SQL statements, one file per app. Row-level security decides which rows a caller sees; no statement repeats it."""
