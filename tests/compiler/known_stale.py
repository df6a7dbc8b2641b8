"""Cases and ordinary programs that fail today. The tables are to stay empty; a name that passes must leave them.

A name stands for all modes in which a case is tried; `name-mode` is one of them.
"""

#: the compiled function gives another answer than the plain one
STALE: set[str] = {
    "the_type_hints_of_a_class",
    "whether_an_object_is_callable",
    "a_module_whose_class_is_replaced",
    "a_function_of_numpy_that_the_user_replaces",
    "whether_a_lock_is_held",
}

#: the compiled function raises an error where the plain one answers
REFUSED: set[str] = set()

#: the results are right, but the engine computes them: something that is not read is watched
NO_REPLAYS: set[str] = {
    "a_checkpointed_block",
    "higher_derivatives_of_an_object",
}
