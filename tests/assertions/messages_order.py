"""What rules on numbers and on order say where a run does not fulfil them: the rule, the run, the whole text."""

from __future__ import annotations

from assertions.runs import broken, calls, line
from otel_replay.analysis.items import Items
from otel_replay.assertions import attr, decision, tool
from otel_replay.assertions.counting import Absence, AtLeast, AtMost, Between, Exactly, Existence, Init, Last
from otel_replay.assertions.order import (
    AlternatePrecedence,
    AlternateResponse,
    AlternateSuccession,
    ChainPrecedence,
    ChainResponse,
    ChainSuccession,
    Coexistence,
    NotChainSuccession,
    NotCoexistence,
    NotSuccession,
    Precedence,
    RespondedExistence,
    Response,
    Succession,
)
from otel_replay.assertions.rule import Rule

A, B, C = decision("A"), decision("B"), decision("C")

SAID: list[tuple[Rule, Items, str]] = [
    (Existence(C), line("AB"), """
        existence(decision(C)): there is none, expected at least 1
          nearest miss: run line > A
            ✓ be a decision
            ✗ expected to be called C, found A
    """),
    (Existence(tool("search") & (attr("status") == "ok")), broken(), """
        existence(tool(search)[status = "ok"]): there is none, expected at least 1
          nearest miss: run broken > execute_tool search
            ✓ be a tool
            ✓ be called search
            ✗ expected to have status = ok, found status = 'error'
    """),
    (Absence(A), line("BAA"), """
        absence(decision(A)): there are 2, expected none
            run line  4ms
            ✗ decision A  ← number 1
            ✗ decision A  ← number 2
    """),
    (Exactly(A, 2), line("AAA"), """
        exactly(decision(A), 2): there are 3, expected exactly 2
            run line  4ms
            ✓ decision A
            ✓ decision A
            ✗ decision A  ← number 3
    """),
    (AtLeast(A, 2), line("AB"), """
        at_least(decision(A), 2): there is 1, expected at least 2
            run line  3ms
            ✓ decision A
          nearest miss: run line > B
            ✓ be a decision
            ✗ expected to be called A, found B
    """),
    (AtMost(A, 1), line("AA"), """
        at_most(decision(A), 1): there are 2, expected at most 1
            run line  3ms
            ✓ decision A
            ✗ decision A  ← number 2
    """),
    (Between(A, 2, 3), line("AAAA"), """
        between(decision(A), 2, 3): there are 4, expected between 2 and 3
            run line  5ms
            ✓ decision A
            ✓ decision A
            ✓ decision A
            ✗ decision A  ← number 4
    """),
    (Init(A), line("BC"), """
        init(decision(A)): the first decision is B
            run line  3ms
            ✗ decision B  ← the first decision
          nearest miss: run line > B
            ✓ be a decision
            ✗ expected to be called A, found B
    """),
    (Init(A, among=A | B), line("CBA"), """
        init(decision(A), among=decision(A), decision(B)): the first decision(A), decision(B) is B
            run line  4ms
            ✗ decision B  ← the first decision(A), decision(B)
            ✓ decision A
    """),
    (Last(A), line("AB"), """
        last(decision(A)): the last decision is B
            run line  3ms
            ✓ decision A
            ✗ decision B  ← the last decision
    """),
    (Last(A), line(""), """
        last(decision(A)): there is no decision, and so no last one
    """),
    (RespondedExistence(A, B), line("AA"), """
        responded_existence(decision(A), decision(B)): A: there is no decision(B), and so for 1 more
            run line  3ms
            ✗ decision A  ← there is no decision(B)
            ✗ decision A  ← there is no decision(B)
    """),
    (Coexistence(A, B), line("CB"), """
        coexistence(decision(A), decision(B)): B: there is no decision(A)
            run line  3ms
            ✗ decision B  ← there is no decision(A)
          nearest miss: run line > C
            ✓ be a decision
            ✗ expected to be called A, found C
    """),
    (NotCoexistence(A, B), line("AB"), """
        not_coexistence(decision(A), decision(B)): A: there is also decision(B), and so for 1 more
            run line  3ms
            ✗ decision A  ← there is also decision(B)
            ✗ decision B  ← there is also decision(A)
    """),
    (Response(A, B), line("ABA"), """
        response(decision(A), decision(B)): A: no decision(B) after it
            run line  4ms
            ✓ decision A
            ✓ decision B
            ✗ decision A  ← no decision(B) after it
    """),
    (Response(A, B, "1s"), line("A..B"), """
        response(decision(A), decision(B), within='1s'): A: decision(B) came 2.001s after it, expected within 1s
            run line  2.003s
            ✗ decision A  ← decision(B) came 2.001s after it, expected within 1s
            ✓ decision B
    """),
    (Precedence(A, B), line("BAB"), """
        precedence(decision(A), decision(B)): B: no decision(A) before it
            run line  4ms
            ✗ decision B  ← no decision(A) before it
            ✓ decision A
            ✓ decision B
    """),
    (Precedence(tool("a"), tool("b"), ended=True), calls(["a", "b"]), """
        precedence(tool(a), tool(b), ended=True): execute_tool b: tool(a) had begun but not ended before it
            run calls  5ms
            ✓ execute_tool a  2ms
            ✗ execute_tool b  2ms  ← tool(a) had begun but not ended before it
    """),
    (Succession(A, B, "2s"), line("BA"), """
        succession(decision(A), decision(B), within='2s'): A: no decision(B) after it, and so for 1 more
            run line  3ms
            ✗ decision B  ← no decision(A) before it
            ✗ decision A  ← no decision(B) after it
    """),
    (AlternateResponse(A, B), line("AABA"), """
        alternate_response(decision(A), decision(B)): A: A came again before decision(B), and so for 1 more
            run line  5ms
            ✗ decision A  ← A came again before decision(B)
            ✓ decision A
            ✓ decision B
            ✗ decision A  ← no decision(B) after it
    """),
    (AlternatePrecedence(A, B), line("BABB"), """
        alternate_precedence(decision(A), decision(B)): B: no decision(A) before it, and so for 1 more
            run line  5ms
            ✗ decision B  ← no decision(A) before it
            ✓ decision A
            ✓ decision B
            ✗ decision B  ← no decision(A) between B and it
    """),
    (AlternateSuccession(A, B), line("AABB"), """
        alternate_succession(decision(A), decision(B)): A: A came again before decision(B), and so for 1 more
            run line  5ms
            ✗ decision A  ← A came again before decision(B)
            ✓ decision A
            ✓ decision B
            ✗ decision B  ← no decision(A) between B and it
    """),
    (ChainResponse(A, B), line("ACBA"), """
        chain_response(decision(A), decision(B)): A: C comes right after it, expected decision(B), and so for 1 more
            run line  5ms
            ✗ decision A  ← C comes right after it, expected decision(B)
            ✓ decision B
            ✗ decision A  ← nothing comes after it, expected decision(B)
    """),
    (ChainPrecedence(A, B), line("BACB"), """
        chain_precedence(decision(A), decision(B)): B: nothing comes before it, expected decision(A), and so for 1 more
            run line  5ms
            ✗ decision B  ← nothing comes before it, expected decision(A)
            ✓ decision A
            ✗ decision B  ← C comes right before it, expected decision(A)
    """),
    (ChainSuccession(A, B, among=A | B), line("AAB"), """
        chain_succession(decision(A), decision(B), among=decision(A), decision(B)): A: A comes right after it, expected decision(B)
            run line  4ms
            ✗ decision A  ← A comes right after it, expected decision(B)
            ✓ decision A
            ✓ decision B
    """),
    (NotSuccession(A, B), line("BACB"), """
        not_succession(decision(A), decision(B)): B: it comes after A
            run line  5ms
            ✓ decision B
            ✓ decision A
            ✗ decision B  ← it comes after A
    """),
    (NotChainSuccession(A, B), line("BAB"), """
        not_chain_succession(decision(A), decision(B)): B: it comes right after A
            run line  4ms
            ✓ decision B
            ✓ decision A
            ✗ decision B  ← it comes right after A
    """),
]  # fmt: skip
