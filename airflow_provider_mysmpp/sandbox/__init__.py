"""A local gateway with an inbox, for development and tests."""
