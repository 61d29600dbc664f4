"""Where rows come from: one port, and what stands behind it."""
