"""The demonstration: a simulated person teaches a robot, and others are recognised."""
