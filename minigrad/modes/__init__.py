"""The passes over a tape: backward, forward, Taylor, batched, sparse; and the functions that users call for them."""
