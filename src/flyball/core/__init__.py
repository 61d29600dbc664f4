"""Values every room stands on: ids, clocks, durations, events, errors, the canonical form. Standard library only."""
