"""What all other rules say where a run does not fulfil them: the rule, the run, the whole text."""

from __future__ import annotations

from assertions.runs import broken, calls, line, spent, table
from otel_replay.analysis.items import Items
from otel_replay.assertions import attr, decision, tool
from otel_replay.assertions.health import Finished, NoErrors, NothingDropped
from otel_replay.assertions.rule import Rule
from otel_replay.assertions.states import Cell, State
from otel_replay.assertions.trajectory import Trajectory, calls_of
from otel_replay.assertions.values import All, Any, Budget, Nothing, Total

A, B, C = decision("A"), decision("B"), decision("C")
N = attr("n").expression

SAID: list[tuple[Rule, Items, str]] = [
    (All(A, attr("n") < 1), line("B"), """
        all(decision(A), *[n < 1]): there is no decision(A), so nothing was checked
          nearest miss: run line > B
            ✓ be a decision
            ✗ expected to be called A, found B
    """),
    (All(A, (attr("n") < 1) & (attr("after") < 1)), line("AAB"), """
        all(decision(A), *[n < 1][after < 1]): 1 of 2 do not fulfil *[n < 1][after < 1]
            run line  4ms
            ✓ decision A
            ✗ decision A  ← expected n < 1, found n = 1; expected after < 1, found after = 1.0
    """),
    (Any(A, attr("n") > 5), line("AA"), """
        any(decision(A), *[n > 5]): none of 2 fulfils *[n > 5]
          nearest miss: run line > A
            ✓ be a decision
            ✓ be called A
            ✗ expected to have n > 5, found n = 0
    """),
    (Nothing(A, attr("n") > 0), line("BA"), """
        none(decision(A), holds=*[n > 0]): 1 found, expected none
            run line  3ms
            ✗ decision A
    """),
    (Total(N, A, at_most=2), line("AAA"), """
        total(n, decision(A), at_most=2): n comes to 3 in 3 items, expected at most 2
            run line  4ms
            ✗ decision A  ← n = 0
            ✗ decision A  ← n = 1
            ✗ decision A  ← n = 2
    """),
    (Total(N, A, at_least=9), line("BA"), """
        total(n, decision(A), at_least=9): n comes to 1 in 1 item, expected at least 9
            run line  3ms
            ✗ decision A  ← n = 1
    """),
    (Budget(tokens=300, tool_calls=0, duration="1ms"), spent(), """
        budget(tokens=300, duration='1ms', tool_calls=0): 320 tokens, expected at most 300; 1 tool call, expected at most 0; it took 7ms, expected at most 1ms
            run agent  7ms
            ✗ chat gpt-x  1ms  ← tokens 110
            ✗ chat gpt-x  1ms  ← tokens 210
            ✗ execute_tool search  1ms  ← one too many
    """),
    (Budget(cost=0.3, generations=1), spent(), """
        budget(cost=0.3, generations=1): a cost of 0.5, expected at most 0.3; 2 generations, expected at most 1
            run agent  7ms
            ✗ chat gpt-x  1ms  ← cost 0.25
            ✗ chat gpt-x  1ms  ← cost 0.25; one too many
    """),
    (Budget(cost=0.3), spent(cost=False), """
        budget(cost=0.3): of 2 of 2 generations no cost was recorded
            run agent  7ms
            ✗ chat gpt-x  1ms  ← no cost
            ✗ chat gpt-x  1ms  ← no cost
    """),
    (Trajectory(calls_of(["a", ("b", {"q": 1})])), calls("a", ("b", {"q": 2}), "c"), """
        trajectory([a, b(q=1)], mode='strict'): 1 expected call is missing or out of place; 2 calls were not expected
          expected: a, b(q=1)
          made:     a(), b(q=2), c()
          missing: b(q=1); nearest is b(q=2): expected q = 1, found 2
            run calls  7ms
            ✓ execute_tool a  1ms
            ✗ execute_tool b  1ms  ← not expected here
            ✗ execute_tool c  1ms  ← not expected here
    """),
    (Trajectory(calls_of(["a", "b"]), mode="unordered"), calls(), """
        trajectory([a, b], mode='unordered'): 2 expected calls are missing or out of place
          expected: a, b
          made:     no calls
          missing: a
          missing: b
    """),
    (Trajectory(calls_of([["a"], "b"]), mode="causal", arguments="ignore"), calls("b", "a"), """
        trajectory([a, b], mode='causal', arguments='ignore'): 1 pair of calls has swapped
          expected: a, b
          made:     b(), a()
          swapped: a must come before b
            run calls  5ms
            ✗ execute_tool b  1ms  ← too early
            ✓ execute_tool a  1ms
    """),
    (Trajectory((), mode="subset"), calls("a"), """
        trajectory([], mode='subset'): 1 call was not expected
          expected: no calls
          made:     a()
            run calls  3ms
            ✗ execute_tool a  1ms  ← not expected here
    """),
    (State("step 9", "steps", 3), table(), """
        state('step 9', 'steps', 3): there is no checkpoint step 9; its checkpoints are step 1, step 2
    """),
    (State("step 1", "steps", 4), table(), """
        state('step 1', 'steps', 4): steps is 3, expected 4
            run table  6ms
            ✗ checkpoint step 1  ← steps is 3, expected 4
    """),
    (State("step 1", "fuel", 4), table(), """
        state('step 1', 'fuel', 4): there is no fuel in it
            run table  6ms
            ✗ checkpoint step 1  ← it has steps, done, name, ve
    """),
    (State("step 2", "fuel", 4), table(), """
        state('step 2', 'fuel', 4): there is no fuel in it
            run table  6ms
            ✗ checkpoint step 2  ← it is no map
    """),
    (State("*", "", 4), table(), """
        state('*', '', 4): the state is [1, 2], expected 4
            run table  6ms
            ✗ checkpoint step 2  ← the state is [1, 2], expected 4
    """),
    (State("step 1", "ve", (1.0, 2.0)), table(), """
        state('step 1', 've', (1.0, 2.0)): expected ve.1 = 2.0, found 2.5
            run table  6ms
            ✗ checkpoint step 1  ← expected ve.1 = 2.0, found 2.5
    """),
    (Cell((2000, 65), 98), table(), """
        cell((2000, 65), 98): cell rpm=2000 kpa=65 holds 98.25, expected 98
            run table  6ms
            ✗ decision SET rpm=2000 kpa=65  ← the last decision about it
    """),
    (Cell((2000, 65), 2, at="step 2", value="trim"), table(), """
        cell((2000, 65), 2, at='step 2', value='trim'): cell rpm=2000 kpa=65 holds 1, expected 2
            run table  6ms
            ✗ decision SET rpm=2000 kpa=65  ← the last decision about it
    """),
    (Cell((3000, 65), 50, at="step 1"), table(), """
        cell((3000, 65), 50, at='step 1'): no decision has spoken of cell rpm=3000 kpa=65 by then; its row and column are known
    """),
    (Cell((9, 8), 50), table(), """
        cell((9, 8), 50): no decision has spoken of cell rpm=9 kpa=8 by then; there is no such coordinate among 2000; 3000 and 65
    """),
    (Cell((9, 65), 50, at="step 9"), table(), """
        cell((9, 65), 50, at='step 9'): there is no checkpoint step 9; its checkpoints are step 1, step 2
    """),
    (Cell((9, 65), 50), line("A"), """
        cell((9, 65), 50): no decision changes a cell of a table
    """),
    (NoErrors(), broken(), """
        no_errors(): 4 errors, expected none
          ✗ run broken  5ms  ← interrupted
            ✗ execute_tool search  1ms  ← no such file
            ✗ execute_tool fetch  1ms  ← failed
            ✗ task smooth  0ns  ← interrupted
    """),
    (NoErrors(tool("search")), broken(), """
        no_errors(allow=tool(search)): 3 errors, expected none
          ✗ run broken  5ms  ← interrupted
            ✗ execute_tool fetch  1ms  ← failed
            ✗ task smooth  0ns  ← interrupted
    """),
    (NothingDropped(), broken(), """
        nothing_dropped(): 5 lost, dropped or damaged, expected none
          3 records could not be kept: no room
            run broken  5ms
            ✗ big  ← 2 dropped
    """),
    (Finished(), broken(), """
        finished(): the run is interrupted, expected finished
          ✗ run broken  5ms  ← never ended
            ✗ task smooth  0ns  ← never ended
    """),
    (Finished(), line("A", status="running"), """
        finished(): the run is running, expected finished
          it is still being recorded: check it after it has ended; in a test, after `otel_run.end()`
    """),
]  # fmt: skip
