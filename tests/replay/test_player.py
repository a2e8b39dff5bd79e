"""A replayed program gets what it got, and makes no call; what it did not ask for then is a divergence."""

from __future__ import annotations

import socket

import pytest

import otel_replay
from otel_replay.errors import UsageError
from otel_replay.replay.network import NetworkRefused
from tests.replay import loop
from tests.replay.loop import answer, ask, look_up, made, search


def test_a_replayed_program_gets_what_it_got_and_makes_no_call(recorded):
    with otel_replay.replay_run("agent") as replay:
        assert answer() == recorded
    assert not made
    assert replay.report.ok
    assert replay.report.answered == 8


def test_a_replay_that_is_recorded_says_where_its_answers_come_from(recorded, store):
    with otel_replay.start_run("again", run_id="again"), otel_replay.replay_run("agent"):
        answer()
    sources = [span.attributes.get("otel_replay.replayed_from") for span in store.run("again").spans]
    spans = store.run("agent").spans
    calls = {f"agent/{span.span_id}" for span in spans if span.name.startswith(("chat", "execute"))}
    assert {source for source in sources if source} == calls
    with otel_replay.replay_run("again") as replay:
        assert answer() == recorded
    assert replay.report.ok


async def _async_answer():
    async with otel_replay.replay_run("agent"):
        return answer()


def test_a_replay_is_an_async_context_manager_too(recorded):
    import asyncio

    assert asyncio.run(_async_answer()) == recorded


def test_a_changed_request_is_a_divergence_that_says_what_where_and_why(recorded):
    with pytest.raises(otel_replay.ReplayDivergence) as caught, otel_replay.replay_run("agent"):
        answer("How lean?")
    first = caught.value.first
    assert (first.step, first.kind, first.name, first.site) == (
        1,
        "generation",
        "gpt-x",
        ("invoke_agent worker",),
    )
    assert [one.place for one in first.differences] == ["input_messages.messages[0].content"]
    assert (first.differences[0].recorded, first.differences[0].now) == ("How rich?", "How lean?")
    assert first.cause.name == "prompt"
    assert first.nearest.step == 1
    assert first.caller.startswith("loop.py:")
    told = str(caught.value)
    assert 'recorded  "How rich?"' in told
    assert 'now       "How lean?"' in told
    assert not made


def test_a_divergence_that_the_program_swallows_comes_again_and_at_the_end(recorded):
    swallowed = []
    with pytest.raises(otel_replay.ReplayDivergence), otel_replay.replay_run("agent"):
        for question in ("How lean?", "How rich?"):
            try:
                answer(question)
            except Exception as error:
                swallowed.append(error)
    assert swallowed[0] is swallowed[1]


def test_a_recorded_call_that_is_not_made_any_more_is_told_at_the_end(recorded):
    with pytest.raises(otel_replay.ReplayDivergence, match="did not make 2 of the recorded calls"):
        with otel_replay.replay_run("agent") as replay:
            answer(rounds=2)
    assert [call.step for call in replay.report.left] == [6, 7]


def test_a_dry_recording_is_an_error_and_no_empty_answer(recorded):
    with pytest.raises(otel_replay.ReplayDivergence) as caught, otel_replay.replay_run("agent"):
        answer()
        look_up("one more")
    assert caught.value.first.cause.name == "dry"
    assert caught.value.first.nearest is None


def test_the_same_asked_once_more_is_told_as_that(recorded):
    with pytest.raises(otel_replay.ReplayDivergence) as caught, otel_replay.replay_run("agent"):
        for _ in range(3):
            try:
                ask([{"role": "user", "content": "How rich?"}])
            except loop.Busy:
                pass
    assert caught.value.first.cause.name == "asked again"
    assert "asked 2 times" in caught.value.first.cause.text


def test_an_error_of_the_program_itself_passes_through(recorded):
    with pytest.raises(ZeroDivisionError), otel_replay.replay_run("agent"):
        ask([{"role": "user", "content": "How rich?"}]) if 1 / 0 else None


# -- modes


def test_nearest_answers_a_changed_request_and_reports_it(recorded):
    with otel_replay.replay_run("agent", match="nearest") as replay:
        log = answer("How richly?")
    assert log == recorded
    assert not replay.report.ok
    assert [one.answered for one in replay.report.divergences] == [True] * 4
    with pytest.raises(otel_replay.ReplayDivergence):
        replay.verify()


def test_ordered_answers_in_order_and_reports_what_differs(recorded):
    with otel_replay.replay_run("agent", match="ordered") as replay:
        assert answer("something else altogether") == recorded
    assert len(replay.report.divergences) == 4


def test_what_is_ignored_does_not_count(recorded):
    with otel_replay.replay_run("agent", ignore=["input_messages.messages[0].content"]) as replay:
        assert answer("How lean?") == recorded
    assert replay.report.ok


@pytest.mark.parametrize("wrong", [{"match": "fifo"}, {"until": 99}, {"ignore": ["a..b"]}, {"ignore": [""]}])
def test_what_makes_no_sense_is_refused_before_anything_runs(recorded, wrong):
    with pytest.raises(UsageError):
        otel_replay.replay_run("agent", **wrong)


def test_there_must_be_such_a_run(store):
    with pytest.raises(UsageError, match="there are no runs"):
        otel_replay.replay_run("latest")


# -- forks and tools


def test_a_fork_replays_up_to_a_step_and_makes_the_calls_behind_it(recorded):
    made["ask"] = 1  # the model is not busy any more
    with otel_replay.replay_run("agent", until=3) as replay:
        log = answer()
    assert log[:2] == recorded[:2]
    assert made == {"ask": 3, "look_up": 3}
    assert (replay.report.answered, replay.report.made) == (3, 5)
    assert replay.report.ok


def test_a_fork_at_nothing_makes_every_call(recorded):
    made["ask"] = 1
    with otel_replay.replay_run("agent", until=0) as replay:
        answer()
    assert replay.report.answered == 0
    assert replay.report.made == 7


def test_a_divergence_before_the_fork_is_one(recorded):
    with pytest.raises(otel_replay.ReplayDivergence), otel_replay.replay_run("agent", until=3):
        answer("How lean?")
    assert not made


def test_tools_that_are_run_are_compared_with_what_was_recorded(recorded):
    with otel_replay.replay_run("agent", tools="live", match="ordered") as replay:
        made["look_up"] = 10
        answer()
    assert made["look_up"] == 14
    assert "ask" not in made
    assert [drift.step for drift in replay.report.drifts] == [3, 5, 7]
    assert replay.report.drifts[0].differences[0].place == "result.value"


def test_a_tool_that_drifted_is_the_cause_of_what_comes_after_it(recorded):
    with pytest.raises(otel_replay.ReplayDivergence) as caught:
        with otel_replay.replay_run("agent", tools=["look_up"]):
            made["look_up"] = 10
            answer()
    assert caught.value.first.cause.name == "tool drift"
    assert "step 3" in caught.value.first.cause.text


def test_what_a_tool_asked_inside_is_not_missed_when_the_tool_is_answered(store):
    with otel_replay.start_run("nested", run_id="nested"):
        made["ask"] = 1
        first = search("deep")
    made.clear()
    with otel_replay.replay_run("nested") as replay:
        assert search("deep") == first
    assert replay.report.ok
    assert not made
    with otel_replay.replay_run("nested", tools="live") as replay:
        assert search("deep") == first
    assert made == {"search": 1}
    assert replay.report.ok


# -- blocks


def block(key: str) -> object:
    """A tool call as a block that does everything in one line."""
    with otel_replay.tool("block", {"key": key}, call_id="c1") as call:
        return call.perform(look_up.__wrapped__, key)


def test_a_block_that_performs_its_call_is_answered(store):
    with otel_replay.start_run("blocks", run_id="blocks") as run:
        first = block("a")
        with run.generation("gpt-x", input_messages=["hi"]) as generation:
            generation.output(["ho"], usage={"input_tokens": 1}, finish_reasons=["stop"], response_id="r1")
    made.clear()
    with otel_replay.replay_run("blocks") as replay:
        assert block("a") == first
        with otel_replay.generation("gpt-x", input_messages=["hi"]) as generation:
            answer = generation.recorded()
            assert answer.value == ["ho"]
            assert answer.response == {
                "finish_reasons": ["stop"],
                "usage": {"input_tokens": 1},
                "response_id": "r1",
            }
    assert replay.report.ok
    assert not made


def test_a_block_without_replay_has_no_recorded_answer(store):
    with otel_replay.tool("block", {"key": "a"}) as call:
        assert call.recorded() is None
        assert call.perform(str.upper, "abc") == "ABC"


@pytest.mark.parametrize("by_hand", [False, True])
def test_a_block_that_makes_its_call_all_the_same_is_found(store, by_hand):
    with otel_replay.start_run("blocks", run_id="blocks"):
        block("a")
    with pytest.raises(otel_replay.ReplayDivergence, match="has made the call itself"):
        with otel_replay.replay_run("blocks"):
            if by_hand:
                call = otel_replay.tool("block", {"key": "a"}, call_id="c1")
                call.result(look_up.__wrapped__("a"))
                call.end()
            else:
                with otel_replay.tool("block", {"key": "a"}, call_id="c1") as call:
                    call.result(look_up.__wrapped__("a"))


def test_a_block_that_is_answered_cannot_reach_the_network(store):
    with otel_replay.start_run("blocks", run_id="blocks"):
        block("a")
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        with otel_replay.replay_run("blocks", match="nearest"):
            with pytest.raises(NetworkRefused, match="goes to the network"):
                with otel_replay.tool("block", {"key": "a"}, call_id="c1"):
                    socket.create_connection(server.getsockname())
            # Outside of answered calls the program does what it likes.
            socket.create_connection(server.getsockname()).close()


def test_another_call_id_is_told_as_that(store):
    with otel_replay.start_run("blocks", run_id="blocks"):
        block("a")
    with pytest.raises(otel_replay.ReplayDivergence) as caught, otel_replay.replay_run("blocks"):
        with otel_replay.tool("block", {"key": "a"}, call_id="c2"):
            pass
    assert caught.value.first.cause.name == "call id"
    with otel_replay.replay_run("blocks", ignore=["call_id"]):
        with otel_replay.tool("block", {"key": "a"}, call_id="c2") as call:
            assert call.recorded().value == {"key": "a", "value": 1}


def test_where_no_replay_is_active_calls_are_made(recorded):
    with otel_replay.replay_run("agent"):
        answer()
    made["ask"] = 1
    answer()
    assert made == {"ask": 4, "look_up": 4}
