"""All rules by name, as YAML and `Checks` know them."""

from __future__ import annotations

from otel_replay.assertions import counting, health, order, states, trajectory, values
from otel_replay.assertions.rule import Rule

__all__ = ["RULES"]

RULES: dict[str, type[Rule]] = {
    rule.name: rule
    for rule in (
        *(counting.Existence, counting.Absence, counting.Exactly, counting.AtLeast, counting.AtMost),
        *(counting.Between, counting.Init, counting.Last),
        *(order.RespondedExistence, order.Coexistence, order.NotCoexistence),
        *(order.Response, order.Precedence, order.Succession),
        *(order.AlternateResponse, order.AlternatePrecedence, order.AlternateSuccession),
        *(order.ChainResponse, order.ChainPrecedence, order.ChainSuccession),
        *(order.NotSuccession, order.NotChainSuccession),
        *(values.All, values.Any, values.Nothing, values.Total, values.Budget),
        trajectory.Trajectory,
        *(states.State, states.Cell),
        *(health.NoErrors, health.NothingDropped, health.Finished),
    )
}
"""The rules: their fields are what a person says of them, their docstrings what they mean."""
