"""What people look at: printed tapes, formulas, curves, the table of coverage."""
