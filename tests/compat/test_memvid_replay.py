"""A memory session done again, compared item by item, from any checkpoint on; and two side by side."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from otel_replay.compat.memvid import (
    Checkpoint,
    InvalidQuery,
    Memvid,
    Operations,
    Outcome,
    ReplayAction,
    ReplayConfig,
    ReplayExecutionConfig,
    ReplaySession,
    StateSnapshot,
    compare_sessions,
    replay_session,
)


class Notes:
    """A small memory: texts in a list, found by the words in them, the latest first."""

    def __init__(self, texts: list[str] | None = None) -> None:
        self.texts = list(texts or [])

    def put(self, text: str) -> int:
        self.texts.append(text)
        return len(self.texts) - 1

    def find(self, word: str) -> list[int]:
        return [place for place, text in reversed([*enumerate(self.texts)]) if word in text]

    def ask(self, question: str) -> str:
        found = self.find(question.rstrip("?").split()[-1])
        if not found:
            raise LookupError("nothing is known of it")
        return self.texts[found[0]]

    def state(self) -> StateSnapshot:
        digest = hashlib.sha256("\n".join(self.texts).encode()).hexdigest()
        return StateSnapshot(
            frame_count=len(self.texts), frame_ids=tuple(range(len(self.texts))), lex_index_hash=digest
        )


def recorded(path: Path, texts: list[str], *, name: str = "notes", interval: int = 2) -> ReplaySession:
    """Texts are put; after each one there is a search for `red`, at the end a question."""
    notes = Notes()
    memory = Memvid(path, state=notes.state)
    memory.start_session(name, ReplayConfig(auto_checkpoint_interval=interval))
    for text in texts:
        memory.record_put_action(notes.put(text), text.encode())
        found = notes.find("red")
        memory.record_find_action("red", "lex", len(found), found)
    memory.record_ask_action("what is red?", "", "", notes.ask("what is red?").encode(), 3, [])
    return memory.end_session()


def on(notes: Notes, **more: Any) -> Operations:
    """How actions are done again with `notes`."""
    return Operations(
        put=lambda action: Outcome(frames=(notes.put(str(action.input)),)),
        find=lambda action: Outcome(frames=tuple(notes.find(str(action.input)))),
        ask=lambda action: Outcome(output=notes.ask(str(action.input))),
        state=notes.state,
        **more,
    )


TEXTS = ["red apple", "green pear", "red cherry"]


@pytest.fixture
def session(tmp_path: Path, store: Any) -> ReplaySession:
    return recorded(tmp_path / "notes.mv2", TEXTS)


# -- the same again ----------------------------------------------------------------------------------------


def test_a_session_that_comes_out_the_same_is_a_success(session: ReplaySession) -> None:
    result = replay_session(session, on(Notes()))
    assert result.is_success()
    assert (result.matched_actions, result.mismatched_actions, result.skipped_actions) == (9, 0, 0)
    assert result.match_rate() == 100.0
    assert result.first_divergence is None
    assert list(result.lines()) == ["9 of 9 actions as recorded"]


def test_a_session_that_was_saved_and_loaded_is_replayed_as_well(tmp_path: Path, store: Any) -> None:
    session = recorded(tmp_path / "notes.mv2", TEXTS)
    memory = Memvid(tmp_path / "other.mv2")
    memory._kept.keep(session)
    memory.save_replay_sessions()
    loaded = Memvid(tmp_path / "other.mv2")
    loaded.load_replay_sessions()
    assert loaded.completed_sessions == [session]
    assert replay_session(loaded.completed_sessions[0], on(Notes())).is_success()


# -- differences -------------------------------------------------------------------------------------------


def test_as_many_results_but_others_are_a_divergence(session: ReplaySession) -> None:
    """The original compares only how many were found."""

    class OldestFirst(Notes):
        def find(self, word: str) -> list[int]:
            return super().find(word)[::-1]

    result = replay_session(session, on(OldestFirst()))
    first = result.first_divergence
    assert first is not None
    assert (first.action_type, first.verdict) == ("find", "diverged")
    assert first.diff == "frames[0]: recorded 2, now 0\nframes[1]: recorded 0, now 2"
    assert not result.is_success()


def test_an_answer_is_asked_again_and_compared(session: ReplaySession) -> None:
    """The original never asks again, and says that it matched."""

    class Liar(Notes):
        def ask(self, _question: str) -> str:
            return "green pear"

    result = replay_session(session, on(Liar()))
    assert [one.sequence for one in result.action_results if not one.matched] == [8]
    assert list(result.lines()) == [
        "8 of 9 actions as recorded, 1 diverged",
        "first difference: action 8, ask",
        '  output: recorded "red cherry", now "green pear"',
    ]


def test_a_checkpoint_compares_the_state(session: ReplaySession) -> None:
    """The original says that it was verified, and looks at nothing."""

    class Forgetful(Notes):
        def state(self) -> StateSnapshot:
            return StateSnapshot(frame_count=1)

    result = replay_session(session, on(Forgetful()))
    diverged = [one for one in result.action_results if one.verdict == "diverged"]
    assert {one.action_type for one in diverged} == {"checkpoint"}
    assert "state.frame_count: recorded 2, now 1" in str(diverged[0].diff)


def test_an_exception_is_an_outcome(session: ReplaySession) -> None:
    class Empty(Notes):
        def put(self, _text: str) -> int:
            super().put("")
            return len(self.texts) - 1

    result = replay_session(session, on(Empty()))
    last = result.action_results[-1]
    assert last.diff == 'error: recorded "", now "LookupError: nothing is known of it"'


def test_a_replay_stops_at_the_first_difference_if_it_shall(session: ReplaySession) -> None:
    notes = Notes(["red herring"])
    result = replay_session(session, on(notes), config=ReplayExecutionConfig(stop_on_mismatch=True))
    assert len(result.action_results) == 1
    assert not result.is_success()
    assert next(result.lines()) == "0 of 9 actions as recorded, 1 diverged, 8 not reached"


# -- what is not done --------------------------------------------------------------------------------------


def test_what_cannot_be_done_again_is_never_called_matched(session: ReplaySession) -> None:
    notes = Notes()
    whole = on(notes)
    result = replay_session(session, Operations(put=whole.put, find=whole.find))
    assert not result.is_success()
    assert result.mismatched_actions == 0
    assert {(one.action_type, one.why) for one in result.action_results if one.verdict == "not run"} == {
        ("ask", "there is no operation for it"),
        ("checkpoint", "there is no operation that tells the state"),
    }
    assert result.match_rate() == pytest.approx(100 * 6 / 9)


def test_an_operation_that_tells_nothing_proves_nothing(session: ReplaySession) -> None:
    silent = Operations(find=lambda _: Outcome())
    result = replay_session(session, silent)
    assert result.matched_actions == 0
    assert "its operation does not tell what came of it" in {one.why for one in result.action_results}


def test_what_is_left_out_on_purpose_is_no_failure(session: ReplaySession) -> None:
    notes = Notes()
    result = replay_session(session, on(notes), config=ReplayExecutionConfig(skip_asks=True))
    assert result.is_success()
    assert result.skipped_actions == 1
    assert next(result.lines()) == "8 of 9 actions as recorded, 1 skipped"


# -- from a checkpoint on ----------------------------------------------------------------------------------


def test_from_a_checkpoint_on_the_state_is_made_by_putting_again(session: ReplaySession) -> None:
    notes = Notes()
    checkpoint = session.checkpoints[1]
    result = replay_session(session, on(notes), from_checkpoint=1)
    assert result.is_success()
    assert result.from_checkpoint == 1
    assert [one.sequence for one in result.action_results] == [
        action.sequence for action in session.actions if action.sequence >= checkpoint.at_sequence
    ]
    assert notes.texts == TEXTS


def test_from_a_checkpoint_on_the_state_is_restored_by_the_caller(session: ReplaySession) -> None:
    notes = Notes()
    restored: list[Checkpoint] = []

    def restore(checkpoint: Checkpoint) -> None:
        restored.append(checkpoint)
        notes.texts[:] = TEXTS[: checkpoint.snapshot.frame_count]

    assert replay_session(session, on(notes), from_checkpoint=0, restore=restore).is_success()
    assert restored == [session.checkpoints[0]]


def test_a_state_that_was_restored_wrongly_is_seen_at_once(session: ReplaySession) -> None:
    result = replay_session(session, on(Notes()), from_checkpoint=1, restore=lambda _: None)
    assert result.first_divergence is result.action_results[0]
    assert result.action_results[0].action_type == "checkpoint"


def test_a_checkpoint_that_is_not_there_is_not_found(session: ReplaySession) -> None:
    with pytest.raises(InvalidQuery, match=r"^Checkpoint 7 not found in session$"):
        replay_session(session, on(Notes()), from_checkpoint=7)


def test_a_state_that_cannot_be_restored_is_said_before_anything_is_compared(session: ReplaySession) -> None:
    def full(action: ReplayAction) -> Outcome:
        raise OSError(f"no room for {action.input!r}")

    for operations, why in [
        (Operations(find=on(Notes()).find), "there is no operation for it"),
        (Operations(put=full), "OSError: no room for 'red apple'"),
    ]:
        with pytest.raises(InvalidQuery, match=f"cannot be restored: action 0, put: {why}") as caught:
            replay_session(session, operations, from_checkpoint=1)
        assert "restore" in str(caught.value.hint)


# -- two sessions side by side -----------------------------------------------------------------------------


def compared(tmp_path: Path, left: list[str], right: list[str]) -> list[str]:
    one = recorded(tmp_path / "left.mv2", left, interval=0)
    other = recorded(tmp_path / "right.mv2", right, interval=0)
    return list(compare_sessions(one, other).lines())


def test_the_same_done_twice_is_the_same(tmp_path: Path, store: Any) -> None:
    """Whatever its id, name and times are."""
    one, other = recorded(tmp_path / "a.mv2", TEXTS), recorded(tmp_path / "b.mv2", TEXTS, name="again")
    comparison = compare_sessions(one, other)
    assert comparison.is_same
    assert comparison.exact
    assert comparison.score == 1.0
    assert list(comparison.lines()) == []


def test_an_action_more_does_not_put_all_others_out_of_step(tmp_path: Path, store: Any) -> None:
    """Only what is new is told, and what it changed."""
    assert compared(tmp_path, ["red apple", "red cherry"], ["red apple", "blue plum", "red cherry"]) == [
        "+ 2 put blue plum",
        "+ 3 find red",
        "~ 2 put red cherry",
        "    frames[0]: recorded 1, now 2",
        "    frame_id: recorded 1, now 2",
        "~ 3 find red",
        "    frames[0]: recorded 1, now 2",
    ]


def test_a_changed_input_is_shown_where_it_differs(tmp_path: Path, store: Any) -> None:
    lines = compared(tmp_path, ["a big red apple", "x"], ["a small red apple", "x"])
    assert lines[:2] == [
        "~ 0 put a big red apple",
        '    input: recorded "a big red apple", now "a small red apple"',
    ]


def test_another_answer_is_a_difference(tmp_path: Path, store: Any) -> None:
    def asked(name: str, answer: bytes) -> ReplaySession:
        memory = Memvid(tmp_path / name)
        memory.start_session()
        memory.record_ask_action("why?", "openai", "gpt-5", answer, 1, [])
        return memory.end_session()

    comparison = compare_sessions(asked("a", b"because"), asked("b", b"it is"))
    assert comparison.first_divergence is comparison.pairs[0]
    assert list(comparison.lines()) == ["~ 0 ask why?", '    output: recorded "because", now "it is"']


def test_what_has_moved_is_found_again(tmp_path: Path, store: Any) -> None:
    def put(name: str, texts: list[str]) -> ReplaySession:
        memory = Memvid(tmp_path / name)
        memory.start_session()
        for text in texts:
            memory.record_put_action(9, text.encode())
        return memory.end_session()

    one = put("a", ["alpha", "beta", "gamma", "delta"])
    other = put("b", ["beta", "gamma", "delta", "alpha"])
    comparison = compare_sessions(one, other)
    assert list(comparison.lines()) == ["> 0 put alpha moved from action 0 to 3"]
    assert not comparison.is_same
