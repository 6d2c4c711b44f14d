"""Request and response models, one file per noun: each app loads those of its own nouns."""
