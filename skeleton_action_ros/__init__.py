"""Learn a human action from one demonstration and recognise it from then on, in real time."""

import os

__version__ = '0.1.0'

# The matrices here are small: threads of the linear algebra library win nothing on an idle machine,
# and on a busy one they wait for each other, a hundred times as long as the product takes. It reads
# this when numpy is first imported; who sets it to something else is listened to.
os.environ.setdefault('OPENBLAS_NUM_THREADS', '1')
