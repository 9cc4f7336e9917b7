"""
Siamese-LSTM metric learning and multi-class classification (the first paper), and its baselines.

"Skeleton-based action recognition by Siamese LSTM deep metric learning": `network.py` has equations
1 and 2 and the classification module of Fig. 2, `pairs.py` what section II.C says of its training.
"""
