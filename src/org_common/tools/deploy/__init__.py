"""Deploys with Terraform: checks a plan against the manifest, and says what it changes."""
