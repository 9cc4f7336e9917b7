"""
Recurrent networks on sequences of 3D poses (Le Roux, "Learning action recognition from 3D poses",
2017): the thesis' cells, its skeleton transformer and motion, its alignment and its losses.
"""
