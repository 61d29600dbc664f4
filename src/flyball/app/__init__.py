"""The composition root: settings in, a wired object graph out, by hand."""
