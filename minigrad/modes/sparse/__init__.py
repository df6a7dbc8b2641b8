"""Sparse Jacobians and Hessians: patterns by one more pass, and few sweeps by colouring."""
