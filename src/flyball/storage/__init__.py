"""Plumbing: the SQL engine and its migrations, blobs by digest, versioned tables, the event log, timers, leases."""
