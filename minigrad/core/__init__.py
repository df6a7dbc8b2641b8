"""What is recorded: the tape, the boxes on it, the primitives, and the care taken of what users hand in."""
