"""Operations that users make: checkpoints, loops, primitives, solutions of equations."""
