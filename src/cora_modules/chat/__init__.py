"""Chats that answer from an organization's own documents: members, messages and streamed answers with citations."""
