"""The model server's door: HTTP in, predictions out."""
