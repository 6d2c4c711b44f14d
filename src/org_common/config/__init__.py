"""Configuration of a function: settings, token issuers, required permissions."""
