"""Models of AI providers: which exist, what they cost, and how the other modules call them."""
