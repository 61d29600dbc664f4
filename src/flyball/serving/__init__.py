"""Serving: who answers which request with what, and the log of what was answered."""
