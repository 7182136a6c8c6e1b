"""2SSP's balance between neurons and whole attention parts.

Sandri and others, 2SSP: A Two-Stage Framework for Structured Pruning of LLMs, TMLR 2025: at the sparsity s, of L layers
round(L * s^(feed-forward / attention / 1.5)) lose their attention in the second stage, parameters of a layer's parts in
the exponent; the first stage takes neurons for the rest.
"""

from dataclasses import dataclass, replace

from ctxprune.shrink.allocate.uniform import Uniform
from ctxprune.shrink.model.cost import unit_costs
from ctxprune.shrink.types import Budget, Key, Mapping, Subject, Tensor
from ctxprune.utils.validation import Checked, check_number, checked_field


@dataclass(frozen=True)
class Balanced(Checked):
    """The same share of neurons from each layer, and as much is left to the second stage as the balance says.

    One neuron goes at least.

    Attributes:
        balance: The divisor in the exponent: higher = more attention parts go.
    """

    balance: float = checked_field(1.5, check_number, over=0)

    def __call__(self, subject: Subject, scores: Mapping[Key, Tensor], budget: Budget) -> dict[Key, Tensor]:
        """bool (count,) by group; writes the number of attention parts to the notes."""
        heads = subject.groups(["head"])
        parts = [
            sum(float(cost.sum()) for cost in unit_costs(subject.model, groups, "parameters").values())
            for groups in (budget.groups, heads)
        ]
        attention = [float(cost.sum()) for cost in unit_costs(subject.model, heads, budget.measure).values()]
        share = min(budget.remove / (budget.total + sum(attention)), 1.0)
        # whole attention parts go in the second stage; this one leaves them their part of the budget
        number = min(round(len(heads) * share ** (parts[0] / parts[1] / self.balance)), len(heads))
        subject.notes["attention_parts"] = number
        # one unit stays in each group, so that all of the budget may not fit here
        most = sum(float(cost.sum() - cost.max()) for cost in budget.costs.values())
        rest = min(max(budget.remove - number * sum(attention) / len(attention), 1e-6 * budget.remove), most)
        return Uniform()(subject, scores, replace(budget, remove=rest))
