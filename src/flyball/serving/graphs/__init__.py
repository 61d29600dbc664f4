"""Graphs of models: what is computed before, which models answer, and how their answers become one."""
