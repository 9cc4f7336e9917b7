"""`python -m skeleton_action_ros.cli` is `skeleton-action`."""

import sys

from skeleton_action_ros.cli.main import main

sys.exit(main())
