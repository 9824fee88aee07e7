"""Who is meant: segment rules, and their translation to SQL."""

from huntaze.domain.audience.compiler import compile_rules, make_room_for_sums
from huntaze.domain.audience.rules import SegmentRules

__all__ = ["SegmentRules", "compile_rules", "make_room_for_sums"]
