"""
Skeleton-DML, one-shot action recognition with images of skeletons (Memmesheimer, Haering, Theisen
and Paulus, 2021): its image and those it is compared with, its network and its losses.
"""
