"""A folder for the search path of other processes, in which `import autograd` finds minigrad."""
