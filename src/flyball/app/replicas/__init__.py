"""Replicas: whole model servers on the nodes of a cluster, kept by one process, behind one address."""
