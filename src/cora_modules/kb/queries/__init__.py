"""SQL statements, one file per noun. Row-level security decides which rows a caller sees; no statement repeats it."""
