"""Derived datasets: what is declared of them, how their rows know since when they are known, and what they are built from."""
