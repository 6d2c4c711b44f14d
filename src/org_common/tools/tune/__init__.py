"""Finds the memory size of a function: its time and cost at each size, from REPORT lines."""
