"""The lifecycle nodes: they translate between ROS and the core, and decide nothing."""
