"""Training: recipes in, checked model bundles out. Needs torch; the robot does not need this."""
