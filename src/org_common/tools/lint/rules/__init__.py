"""All rules, by topic."""
