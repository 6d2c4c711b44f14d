"""From a handler's signature to its call, and from its result to a response."""
