"""What a search by SciPy has been told, so that one that is taken up again need not compute it anew.

SciPy keeps the memory of a search to itself, but asks the same questions in the same order when it starts again from
the same parameters. So the answers are kept, in the checkpoint too, and given again.
"""

import hashlib
from collections.abc import Callable, Sequence

import numpy as np

from nn.arrays import Array

MOST = 8_000_000  #: numbers that are kept, 64 MB


class Record:
    """Answers in their order, each after a fingerprint of its question.

    Args:
        known: the answers of a search that was interrupted, shape (r,), as `numbers` gave them.
        keeps: whether new ones are kept.

    >>> record = Record(np.zeros(0))
    >>> record.answer("double", [np.array([4.0])], 1, lambda: np.array([8.0]))
    array([8.])
    >>> again = Record(record.numbers())
    >>> again.answer("double", [np.array([4.0])], 1, lambda: np.array([np.nan])), again.is_played
    (array([8.]), True)
    """

    def __init__(self, known: Array, *, keeps: bool = True) -> None:
        self._parts, self._known, self._place = [known], known, 0
        self._size, self._is_full = known.size, not keeps

    @property
    def is_played(self) -> bool:
        """Whether all known answers were given again."""
        return self._place == self._known.size

    def numbers(self) -> Array:
        """All answers so far, and those that are known and not given again yet, shape (r,)."""
        self._parts = [np.concatenate(self._parts)]
        return self._parts[0]

    def answer(self, word: str, question: Sequence[Array], size: int, compute: Callable[[], Array]) -> Array:
        """The answer to this question: the known one if it is next, else what `compute` returns, which is kept.

        Args:
            word, question: what is asked, and at which parameters.
            size: how many numbers the answer has.
            compute: returns them, shape (size,).
        """
        mark, start, stop = _fingerprint(word, question), self._place + 1, self._place + 1 + size
        if not self.is_played:
            if stop <= self._known.size and self._known[self._place] == mark:
                self._place = stop
                return self._known[start:stop]
            # Another version of SciPy asks otherwise: what comes next is no answer to its questions.
            self._known = self._known[: self._place]
            self._parts, self._size = [self._known], self._known.size
        found = compute()
        # After the first answer that finds no room there is none for others: they would be out of order.
        self._is_full = self._is_full or self._size + 1 + size > MOST
        if not self._is_full:
            self._parts += [np.array([mark]), found]
            self._size += 1 + size
        return found


def _fingerprint(word: str, question: Sequence[Array]) -> float:
    """A number that another question hardly has; a float64 holds all of its 48 bits."""
    content = hashlib.blake2b(word.encode(), digest_size=6)
    for part in question:
        content.update(np.ascontiguousarray(part).data)
    return float(int.from_bytes(content.digest(), "little"))
