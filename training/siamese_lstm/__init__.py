"""
Siamese-LSTM metric learning and multi-class classification (the first paper), and its baselines.

S. Yucer and Y. S. Akgul, "3D Human Action Recognition with Siamese-LSTM Based Deep Metric Learning"
(2018): `network.py` has equations 1 and 2 and the classification module of Fig. 2, `pairs.py` what
section II.C says of its training.
"""
