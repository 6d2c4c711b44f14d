"""Knowledge bases: documents of an organization, a workspace or a chat, and the passages found in them."""
