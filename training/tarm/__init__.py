"""TARM with CNN: attention over time for each axis, then a convolutional network (third paper)."""
