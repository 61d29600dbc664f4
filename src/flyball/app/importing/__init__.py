"""Bringing what another tracking server holds into a home."""
