"""When nothing went on, and what models cost."""

import pytest

from analysis.story import MS, Story
from otel_replay.analysis.cost import Price, Prices
from otel_replay.analysis.generations import ModelTotals
from otel_replay.analysis.summary import summarise
from otel_replay.errors import UsageError


def test_a_gap_between_two_tasks_is_idle():
    story = Story()
    run = story.run()
    story.end(story.task("a", run))
    story.wait(99)
    story.end(story.task("b", run))
    story.end(run)
    idle = summarise(story).idle
    assert (idle.longest_ns, idle.stretches) == (100 * MS, 2)
    assert idle.total_ns == 101 * MS


def test_a_decision_between_two_tasks_parts_the_idle_time():
    story = Story()
    run = story.run()
    story.end(story.task("a", run))
    story.wait(49)
    story.decide(run, "AFR")
    story.wait(49)
    story.end(story.task("b", run))
    story.end(run)
    assert summarise(story).idle.longest_ns == 50 * MS


def test_a_run_without_spans_below_its_root_has_no_idle_time_but_pauses():
    story = Story()
    run = story.run()
    for pause in (10, 70, 30):
        story.wait(pause - 1)
        story.decide(run, "AFR")
    story.end(run)
    idle = summarise(story).idle
    assert idle.total_ns == 0
    assert idle.longest_pause_ns == 70 * MS


def test_a_recorded_cost_is_added_up_and_never_made_up():
    story = Story()
    run = story.run()
    for cost in (0.25, 0.5, None):
        said = {} if cost is None else {"operation.cost": cost}
        story.end(story.generation("gpt-x", run), **said)
    story.end(run)
    model = summarise(story).models["gpt-x"]
    assert (model.cost_usd, model.costs, model.count) == (0.75, 2, 3)


def test_prices_are_per_million_tokens_and_the_cache_has_its_own():
    totals = ModelTotals(input_tokens=1_000_000, output_tokens=500_000, cache_read_tokens=400_000)
    assert Price(input=2.0, output=10.0).of(totals) == pytest.approx(7.0)
    assert Price(input=2.0, output=10.0, cache_read=0.5).of(totals) == pytest.approx(1.2 + 0.2 + 5.0)


def test_a_name_goes_before_a_pattern_and_an_unknown_model_has_no_price():
    prices = Prices.read({"gpt-*": {"input": 1, "output": 1}, "gpt-x": {"input": 2, "output": 2}}, "p.toml")
    assert prices.of("gpt-x") == Price(input=2, output=2)
    assert prices.of("gpt-y") == Price(input=1, output=1)
    assert prices.of("other") is None


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({}, "p.toml has no prices"),
        ({"m": {"input": 1}}, "p.toml: `m` needs `input` and `output`"),
        ({"m": {"input": 1, "output": -1}}, "p.toml: `output` of `m` is no amount: -1"),
        (
            {"m": {"input": 1, "output": 1, "ouput": 1}},
            "p.toml: `m` has `ouput`, which is no part of a price",
        ),
    ],
)
def test_what_is_no_table_of_prices_is_refused(document, told):
    with pytest.raises(UsageError) as raised:
        Prices.read(document, "p.toml")
    assert raised.value.message == told
