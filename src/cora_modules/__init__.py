"""CORA: a complete platform of small Lambda functions, built on org_common. Copy from it."""
