"""The Lambda layer: locked, built, byte-compiled, measured, proved. Nothing of this is in it."""
