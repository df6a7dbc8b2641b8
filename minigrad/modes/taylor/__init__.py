"""Taylor mode: truncated series pushed through the tape."""
