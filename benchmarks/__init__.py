"""Latency and throughput, measured on real nodes and simulated persons. No test depends on it."""
