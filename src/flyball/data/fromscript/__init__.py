"""A script or notebook that trains a model, read and never run: what it does, and what of it nobody could do again."""
