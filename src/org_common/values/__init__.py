"""Values that every part of the package uses: errors, the caller, secrets, models. Imports nothing above it."""
