"""Rows of a file or dataset scored by an endpoint's version, as many as there are, on as many processes as one likes."""
