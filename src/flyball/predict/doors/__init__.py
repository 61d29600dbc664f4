"""The doors of the model server: each protocol over HTTP parses, calls the data plane, and renders."""
