"""Rows that were set aside: read with their ids and what was decided of them, repaired, and re-admitted once."""
