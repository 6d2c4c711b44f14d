"""What a function declares and is given: settings, issuers, permissions."""
