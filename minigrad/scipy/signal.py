"""`scipy.signal`, differentiable: `convolve`, `fftconvolve`, `correlate`.

A convolution is bilinear; it is composed of a sum of products for short kernels and, by construction, has derivatives
of every order.
"""
