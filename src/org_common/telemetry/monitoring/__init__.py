"""How Lambda functions have run: their metrics in CloudWatch, and their REPORT lines."""
