"""What a policy would have come to, told from what another one logged: of the reward of one allocation only.

The logging policy lends one of the eight best by resource_based at random, and notes with which chance, and what the
target would have lent: the one of them that the model finds cheapest. Whether the session failed is the reward.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from scheduler.domain.model import Strategy, User
from scheduler.domain.placement import failure_chance
from scheduler.domain.placement_model import Exploration
from tools.simulate.demand import HOUR, MINUTE, Arrival
from tools.simulate.history import Ended, Few
from tools.simulate.placement import Placement, score_of_today
from tools.simulate.smart import Smart, trained
from tools.simulate.world import Phone, World


@dataclass(slots=True)
class Choice:
    """A logged choice.

    Attributes:
        chance: Of having been made.
        is_target: Whether the target would have made it.
        said, said_of_target: Chances to fail, by the model.
        true_of_target: That of the target's device in truth, which no log has.
        failed: How it ended.
    """

    chance: float
    is_target: bool
    said: float
    said_of_target: float
    true_of_target: float = 0.0
    failed: bool = False


class Chooser:
    """Chooses among the eight best by resource_based: at random, or as the target does."""

    def __init__(self, world: World, wishes: Sequence[Arrival], seed: int, *, is_target: bool) -> None:
        """Start with records of nothing."""
        self._world = world
        self._wishes = {(wish.user, wish.at): wish for wish in wishes}
        model = replace(trained(), exploration=Exploration(0.0))
        self._smart = Smart(world, seed, model, _resource_based)
        self._smart.is_watched = False
        self._is_target = is_target
        self._draw = Random(f"{seed} logged")
        self._open: dict[str, Choice] = {}
        self.choices: list[Choice] = []

    def placement(self) -> Placement:
        """Give it as a strategy."""
        return Placement("logged", self.score, follows_time=True, judge=self)

    def score(self, phone: Phone, at: float) -> float:
        """Score as resource_based does; the model is kept ready beside it."""
        self._smart.score(phone, at)
        return _resource_based(phone)

    def meet(self, plans: Mapping[User, str]) -> None:
        """Know each user's plan."""
        self._smart.meet(plans)

    def prefer(self, user: User, minutes: int, few: Few, at: float) -> str:
        """Choose, and note what the other would have chosen."""
        target = self._smart.prefer(user, minutes, few, at)
        chosen = target if self._is_target else self._draw.choice(list(few))
        said, said_of_target = (self._smart.chance(device, user, minutes) for device in (chosen, target))
        if wish := self._wishes.get((user, at)):
            rate = self._world.failures_an_hour(self._world.phones[target], at)
            hours = min(wish.use_seconds, MINUTE * (wish.minutes + wish.renew_minutes)) / HOUR
            true = failure_chance(rate, hours)
            self._open[chosen] = Choice(1 / len(few), chosen == target, said, said_of_target, true)
        return chosen

    def lend(self, phone: Phone, user: User, minutes: int, at: float) -> None:
        """Pass it on."""
        self._smart.lend(phone, user, minutes, at)

    def end(self, ended: Ended) -> None:
        """Note the reward. Who came again after a failure, or has waited, is left out."""
        self._smart.end(ended)
        if choice := self._open.pop(ended.device, None):
            choice.failed = ended.failed
            self.choices.append(choice)


def estimates(choices: Sequence[Choice]) -> Mapping[str, float]:
    """Give the target's failures per 1,000 sessions by what was logged, and how many sessions that is worth.

    Source:
        A. Swaminathan, T. Joachims, The Self-Normalized Estimator for Counterfactual Learning, NIPS 2015.
        M. Dudík, J. Langford, L. Li, Doubly Robust Policy Evaluation and Learning, ICML 2011.
    """
    weights = [one.is_target / one.chance for one in choices]
    total, squares = sum(weights), sum(weight**2 for weight in weights)
    rewarded = sum(weight * one.failed for weight, one in zip(weights, choices, strict=True))
    robust = sum(
        one.said_of_target + weight * (one.failed - one.said) for weight, one in zip(weights, choices, strict=True)
    )
    return {
        "logged": 1000 * sum(one.failed for one in choices) / max(len(choices), 1),
        "SNIPS": 1000 * rewarded / total if total else 0.0,
        "doubly robust": 1000 * robust / max(len(choices), 1),
        "truth": 1000 * sum(one.true_of_target for one in choices) / max(len(choices), 1),
        "effective sample size": total**2 / squares if squares else 0.0,
        "sessions": float(len(choices)),
    }


def _resource_based(phone: Phone) -> float:
    return score_of_today(Strategy.RESOURCE_BASED, phone)
