"""Cells of `numpy.fft`: odd and even lengths, cut and padded, every norm, several axes."""

from cells import cell, draw

# fmt: off

LENGTHS = ((1,), (4,), (5,), (2, 3))

for name in ("fft", "ifft"):
    cell(f"numpy.fft.{name}", None, draw, shapes=LENGTHS, dtypes="fdD")
    for n, axis, norm in ((3, 0, "ortho"), (6, -1, "forward"), (None, 0, "backward")):
        cell(f"numpy.fft.{name}", lambda np, x, f=name, n=n, a=axis, m=norm: getattr(np.fft, f)(x, n, a, m), draw, shapes=((4,), (4, 3)), dtypes="dD", note=f"n={n} axis={axis} norm={norm}")
for name in ("rfft", "ihfft"):
    cell(f"numpy.fft.{name}", None, draw, shapes=LENGTHS)
    for n, axis, norm in ((3, 0, "ortho"), (6, -1, "forward"), (None, 0, "backward")):
        cell(f"numpy.fft.{name}", lambda np, x, f=name, n=n, a=axis, m=norm: getattr(np.fft, f)(x, n, a, m), draw, shapes=((4,), (4, 3)), dtypes="d", note=f"n={n} axis={axis} norm={norm}")
for name in ("irfft", "hfft"):
    cell(f"numpy.fft.{name}", None, draw, shapes=((2,), (4,), (2, 3)), dtypes="fdD")
    for n, axis, norm in ((3, 0, "ortho"), (6, -1, "forward"), (7, 0, "backward"), (4, 0, None), (1, 0, None)):
        cell(f"numpy.fft.{name}", lambda np, x, f=name, n=n, a=axis, m=norm: getattr(np.fft, f)(x, n, a, m), draw, shapes=((4,), (4, 3)), dtypes="dD", note=f"n={n} axis={axis} norm={norm}")
for name in ("fft2", "ifft2", "fftn", "ifftn"):
    cell(f"numpy.fft.{name}", None, draw, shapes=((2, 3), (2, 3, 2)), dtypes="fdD")
    cell(f"numpy.fft.{name}", lambda np, x, f=name: getattr(np.fft, f)(x, s=(3, 2), axes=(0, -1), norm="ortho"), draw, shapes=((2, 3), (2, 2, 3)), dtypes="dD", note="s axes norm")
for name in ("rfft2", "rfftn"):
    cell(f"numpy.fft.{name}", None, draw, shapes=((2, 3), (2, 3, 2)))
    cell(f"numpy.fft.{name}", lambda np, x, f=name: getattr(np.fft, f)(x, s=(3, 2), axes=(0, -1), norm="ortho"), draw, shapes=((2, 3), (2, 2, 3)), note="s axes norm")
for name in ("irfft2", "irfftn"):
    cell(f"numpy.fft.{name}", None, draw, shapes=((2, 3), (2, 3, 2)), dtypes="fdD")
    cell(f"numpy.fft.{name}", lambda np, x, f=name: getattr(np.fft, f)(x, s=(3, 5), axes=(0, -1), norm="ortho"), draw, shapes=((2, 3), (2, 2, 3)), dtypes="dD", note="s axes norm")
for name in ("fftshift", "ifftshift"):
    cell(f"numpy.fft.{name}", None, draw, shapes=((0,), (4,), (5,), (2, 3)), dtypes="fdD")
    cell(f"numpy.fft.{name}", lambda np, x, f=name: getattr(np.fft, f)(x, axes=(0,)), draw, shapes=((3, 4),), note="axes")
