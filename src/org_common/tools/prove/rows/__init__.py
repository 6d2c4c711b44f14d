"""Makes two tenants, their people, and rows in every table."""
