"""A Lambda environment on this machine: AWS's own runtime client, against a Runtime API of ours."""
