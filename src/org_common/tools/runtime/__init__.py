"""Local Lambda environments: AWS's runtime client against an implementation of the Runtime API."""
