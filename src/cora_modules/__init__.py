"""CORA: a real platform of small Lambdas as thin consumers of org_common. The proof, and the example to copy."""
