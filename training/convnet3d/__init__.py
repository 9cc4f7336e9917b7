"""
The fifth paper: M. Baccouche, F. Mamalet, C. Wolf, C. Garcia and A. Baskurt, "Sequential deep
learning for human action recognition" (HBU 2011): a 3D-ConvNet on nine frames, and an LSTM over it.
"""
