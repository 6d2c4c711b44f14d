"""For the tests of those who build on the SDK: a client, real databases. Never part of a Lambda layer."""
