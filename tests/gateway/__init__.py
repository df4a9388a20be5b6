"""The gateway's client, its documents and its errors."""
