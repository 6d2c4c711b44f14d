"""What every part of the package knows: errors, the caller, secrets, models. Imports nothing above it."""
