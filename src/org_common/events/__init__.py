"""What invokes a function: one file for each event source."""
