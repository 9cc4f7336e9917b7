"""Learn a human action from one demonstration and recognise it from then on, in real time."""

__version__ = '0.1.0'
