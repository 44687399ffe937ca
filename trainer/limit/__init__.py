"""The limit of a policy: the smallest student that keeps a share of its teacher's return.

points     what can be tried, and what came out
front      who is beaten by nobody
proposal   what to try next, from the results so far alone
pricing    what a student costs
search     the search itself, resumable, on two cores
"""

from .points import Goal, Point, Result
from .search import Limit, limit

__all__ = ["Goal", "Limit", "Point", "Result", "limit"]
