"""How each operation is differentiated: one line per operation where that is possible."""
