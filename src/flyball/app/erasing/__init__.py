"""Erasing rows of given keys from everything that a home keeps."""
