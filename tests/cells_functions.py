"""Cells of the functions of `numpy` itself."""

from cells import away, cell, draw, positive

cell("numpy.sin", None, draw, dtypes="fdD")
cell("numpy.multiply", None, away, away, dtypes="fdD")
cell("numpy.power", None, positive, draw, dtypes="fdD")
cell("numpy.absolute", None, away, dtypes="fdD")
cell("numpy.sum", None, draw, dtypes="fdD", note="all")
