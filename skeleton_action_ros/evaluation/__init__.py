"""Replays of recordings through the recogniser, and figures on what it did."""
