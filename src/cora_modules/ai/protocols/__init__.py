"""The protocols of providers: requests, streams and errors of Bedrock and of OpenAI-compatible servers."""
