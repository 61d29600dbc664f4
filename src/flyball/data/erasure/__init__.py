"""Erasure: rows of given keys are taken out of everything, and refused from then on."""
