"""The assertions of a proof, and the statements that decide them."""
