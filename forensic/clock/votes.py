"""Votes ▶ decision: which value the evidence says, which vote decided, how sure.

The strongest kind of evidence decides; weaker kinds can confirm it or lower the
confidence by speaking against it, and never outvote it by number alone.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

__all__ = ["RANKS", "Decision", "Vote", "decide", "lowered", "weaker"]

#: Confidence from the surest to the least sure.
RANKS = ["certain", "strong", "weak", "none"]
#: Two kinds of weak evidence of this strength together confirm each other.
_AGREEING = 9


@dataclass(frozen=True, slots=True)
class Vote:
    """One piece of evidence for one value (seconds east of UTC, or a year)."""

    value: int
    strength: float  # orders the kinds of evidence; the highest decides
    confidence: str  # the best that this evidence alone can give
    method: str
    detail: str
    count: int = 1
    against: int = 0  # rows of the same evidence that say something else
    basis: str = "inferred"


@dataclass(frozen=True, slots=True)
class Decision:
    """A value, and what speaks for and against it."""

    value: int
    confidence: str
    method: str
    detail: str
    votes_for: int
    votes_against: int
    basis: str = "inferred"


def weaker(*confidences: str) -> str:
    """Least sure of them."""
    return max(confidences, key=RANKS.index)


def lowered(confidence: str) -> str:
    """One step less sure; what is said with evidence does not become `none`."""
    return (
        confidence
        if confidence == "none"
        else RANKS[min(RANKS.index(confidence) + 1, RANKS.index("weak"))]
    )


def _contested(vote: Vote, rivals: list[Vote]) -> bool:
    """Whether other evidence of similar strength says something else."""
    inside = vote.against * 3 > vote.count
    outside = any(r.strength >= 0.5 * vote.strength for r in rivals)
    return inside or outside


def _together(winners: list[Vote]) -> str:
    """How sure evidence is that all says the same, the strongest first.

    Two kinds of weak evidence that agree make a strong one, unless both are faint.
    """
    near = [v for v in winners if v.strength >= 0.5 * winners[0].strength]
    best = min((v.confidence for v in near), key=RANKS.index)
    kinds: dict[str, float] = {}
    for vote in near:
        if vote.basis != "assumed":
            kinds.setdefault(vote.method, vote.strength)
    agreeing = len(kinds) > 1 and sum(list(kinds.values())[:2]) >= _AGREEING
    return "strong" if best == "weak" and agreeing else best


def _least(value: int) -> int:
    return -abs(value)


def decide(
    votes: Iterable[Vote], prefer: Callable[[int], int] = _least
) -> Decision | None:
    """Value that the evidence says; None without any.

    Of several that it says alike the one that is preferred most: the least offset.
    """
    by_value: dict[int, list[Vote]] = defaultdict(list)
    for vote in votes:
        by_value[vote.value].append(vote)
    if not by_value:
        return None

    def rank(value: int) -> tuple[float, ...]:
        group = by_value[value]
        best = max(v.strength for v in group)
        total = sum(v.strength for v in group)
        return best, total, sum(v.count for v in group), prefer(value)

    value = max(by_value, key=rank)
    winners = sorted(by_value[value], key=lambda v: (-v.strength, v.method, v.detail))
    rivals = [v for other, group in by_value.items() if other != value for v in group]
    top = winners[0]
    confidence = _together(winners)
    if _contested(top, rivals):
        confidence = lowered(confidence)
    details = [top.detail]
    if rivals:
        rival = max(rivals, key=lambda v: (v.strength, v.count, v.value))
        details.append(f"against it: {rival.detail}")
    return Decision(
        value=value,
        confidence=confidence,
        method=top.method,
        detail="; ".join(details),
        votes_for=sum(v.count for v in winners),
        votes_against=sum(v.count for v in rivals) + top.against,
        basis=top.basis,
    )
