"""The services that invoke a function: one file for each event source."""
