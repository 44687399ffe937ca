"""Observations met so far with the teacher's labels: a ring that forgets the oldest."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from .labels import Labels


@dataclass(frozen=True, eq=False)
class Batch:
    """Observations (n, features) and their labels, all float32."""

    observations: torch.Tensor
    labels: Labels


class Dataset:
    """At most `capacity` labelled observations; `random` decides what is drawn."""

    def __init__(self, capacity: int, random: torch.Generator) -> None:
        self.capacity, self.random = capacity, random
        self.columns: list[torch.Tensor] = []
        self.size = self.added = 0

    def add(self, observations: torch.Tensor, labels: Labels) -> None:
        """Append, over the oldest where the ring is full."""
        rows = [observations, labels.means, labels.actions, labels.weights]
        if not self.columns:
            self.columns = [torch.zeros(self.capacity, row.shape[1]) for row in rows]
        places = (self.added + torch.arange(len(observations))) % self.capacity
        for column, row in zip(self.columns, rows, strict=True):
            column[places] = row
        self.added += len(observations)
        self.size = min(self.capacity, self.added)

    def draw(self, count: int, recent: int = 0, window: int = 1) -> Batch:
        """`count` rows with replacement, `recent` of them among the newest `window`."""
        anywhere = torch.randint(self.size, (count - recent,), generator=self.random)
        age = torch.randint(min(self.size, window), (recent,), generator=self.random)
        places = torch.cat([anywhere, (self.added - 1 - age) % self.capacity])
        observations, *labels = (column[places] for column in self.columns)
        return Batch(observations, Labels(*labels))

    @property
    def state(self) -> dict:
        """What a snapshot keeps."""
        return {
            "columns": [column[: self.size].clone() for column in self.columns],
            "added": self.added,
            "random": self.random.get_state(),
        }

    def restore(self, state: dict) -> None:
        """Go on from `state`."""
        self.columns = [torch.zeros(self.capacity, column.shape[1]) for column in state["columns"]]
        for column, stored in zip(self.columns, state["columns"], strict=True):
            column[: len(stored)] = stored
        self.added, self.size = state["added"], min(self.capacity, state["added"])
        self.random.set_state(state["random"])
