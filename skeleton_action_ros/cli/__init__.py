"""The command line `skeleton-action`."""
