"""Weights of 16 bits, two to a table word, in the order of their use."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .operation import Operation, TableWord

_LOOK_BACK_WORDS = 3


@dataclass(frozen=True)
class WeightWord:
    """A table word whose content is known when all weights are placed; only `WeightWords.resolve` reads it."""

    number: int


class WeightWords:
    """Packs weights as they come; a weight that one of the last words holds is used again."""

    def __init__(self) -> None:
        self._words: list[list[int]] = []

    def place(self, weight: int) -> tuple[WeightWord, bool]:
        """The word that holds `weight`, and whether it is the upper half."""
        for number in range(len(self._words) - 1, max(-1, len(self._words) - 1 - _LOOK_BACK_WORDS), -1):
            if weight in self._words[number]:
                return WeightWord(number), self._words[number].index(weight) == 1
        if not self._words or len(self._words[-1]) == 2:
            self._words.append([])
        self._words[-1].append(weight)
        return WeightWord(len(self._words) - 1), len(self._words[-1]) == 2

    def resolve(self, operation: Operation) -> Operation:
        """`operation` with the contents of its words."""
        sources = tuple(self._content(s) if isinstance(s, WeightWord) else s for s in operation.sources)
        return replace(operation, sources=sources)

    def _content(self, word: WeightWord) -> TableWord:
        low, high = (*self._words[word.number], 0)[:2]
        return TableWord(pack(low, high))


def pack(low: int, high: int) -> int:
    """Two halves, each modulo 2**16, in one word."""
    return (low & 0xFFFF) | (high & 0xFFFF) << 16
