"""The decisions, without ROS, files or clocks: numpy and the standard library only."""
