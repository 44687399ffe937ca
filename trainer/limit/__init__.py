"""The limit of a policy: the smallest student that keeps a share of its teacher's return.

points     what can be tried, and what came out
pricing    what a student costs
front      who is beaten by nobody
plot       the front as a picture
proposal   what to try next, from the results so far alone
record     the search on disk
student    one student, as a task of an engine
search     the search itself, resumable, on several cores or a cluster
"""

from .points import Goal, Point, Result
from .pricing import DesignPrice, KernelPrice, Price, Pricing
from .search import Limit, limit
from .student import make_student

__all__ = [
    "DesignPrice",
    "Goal",
    "KernelPrice",
    "Limit",
    "Point",
    "Price",
    "Pricing",
    "Result",
    "limit",
    "make_student",
]
