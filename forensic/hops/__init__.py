"""Events of all hops ▶ each request, who answered it, and why."""

from forensic.hops.answer import answer
from forensic.hops.correlate import correlate
from forensic.hops.false_positives import waf_false_positives
from forensic.hops.meant import meant
from forensic.hops.question import Question

__all__ = ["Question", "answer", "correlate", "meant", "waf_false_positives"]
