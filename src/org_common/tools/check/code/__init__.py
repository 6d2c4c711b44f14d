"""The SQL in the project's code: where it is, which call runs it as which role, and with which values."""
