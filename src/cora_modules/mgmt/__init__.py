"""Module mgmt: modules, the configuration of the functions, and monitoring."""
