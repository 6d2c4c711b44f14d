"""What goes in and out of the access module: each app loads the models of its own nouns, and no more."""
