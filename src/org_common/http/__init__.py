"""From an event to a request, from a result to a response. Pure: no I/O, and nothing here has heard of a database."""
