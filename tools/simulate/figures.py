"""Small statistics: percentiles, intervals, inequality."""

import math
from collections.abc import Sequence
from statistics import NormalDist, fmean, stdev


def percentile(values: Sequence[float], share: float) -> float:
    """Give the value below which a share (0 to 1) lies, between neighbours in proportion, as Postgres does."""
    ordered = sorted(values)
    at = share * (len(ordered) - 1)
    low = math.floor(at)
    return ordered[low] + (ordered[min(low + 1, len(ordered) - 1)] - ordered[low]) * (at - low)


def interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float, float]:
    """Give the mean and the ends of its confidence interval (Student's t); one value has no width to tell: itself."""
    mean = fmean(values)
    if len(values) < 2:
        return mean, mean, mean
    half = student(1 - (1 - confidence) / 2, len(values) - 1) * stdev(values) / math.sqrt(len(values))
    return mean, mean - half, mean + half


def student(share: float, freedom: int) -> float:
    """Give a quantile of Student's t by the expansion of Cornish and Fisher: to 0.2 % from 5 degrees of freedom on."""
    z = NormalDist().inv_cdf(share)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3


def gini(values: Sequence[float]) -> float:
    """Tell how unequal amounts are: 0 all the same, near 1 one has all."""
    ordered, total = sorted(values), sum(values)
    if not total:
        return 0.0
    weighted = sum(place * value for place, value in enumerate(ordered, 1))
    return 2 * weighted / (len(ordered) * total) - (len(ordered) + 1) / len(ordered)
