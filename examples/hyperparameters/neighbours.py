"""What is tuned: nearest-neighbour regression on generated data, with the usual knobs, in plain Python."""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

__all__ = ["Knobs", "Point", "fold_errors", "generate_points", "predict"]


@dataclass(frozen=True, slots=True)
class Point:
    """A place with a measured value. Its third coordinate is noise, which the study has to find out."""

    place: tuple[float, float, float]
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Knobs:
    """How many neighbours count, how fast their weight falls, and how much each coordinate counts."""

    neighbours: int
    falloff: float
    second_scale: float
    third_scale: float


def generate_points(count: int, seed: int) -> list[Point]:
    """Points on a wavy surface with some noise, the same for the same seed."""
    chance = random.Random(seed)
    points = []
    for _ in range(count):
        place = (chance.random(), chance.random(), chance.random())
        surface = math.sin(7 * place[0]) + 0.4 * math.cos(5 * place[1])
        points.append(Point(place, surface + chance.gauss(0, 0.15)))
    return points


def predict(known: Sequence[Point], place: tuple[float, float, float], knobs: Knobs) -> float:
    """The weighted mean of the values of the nearest known points."""
    scale = (1.0, knobs.second_scale, knobs.third_scale)
    origin = [coordinate * factor for coordinate, factor in zip(place, scale, strict=True)]
    distances = (
        (math.dist(origin, [c * factor for c, factor in zip(point.place, scale, strict=True)]), point.value)
        for point in known
    )
    nearest = heapq.nsmallest(knobs.neighbours, distances)
    weights = [math.pow(distance + 1e-9, -knobs.falloff) for distance, _ in nearest]
    total = sum(weight * value for weight, (_, value) in zip(weights, nearest, strict=True))
    return total / sum(weights)


def fold_errors(points: Sequence[Point], knobs: Knobs, folds: int) -> Iterator[float]:
    """The root mean square error on each fold, when the points of the other folds are known."""
    for fold in range(folds):
        known = [point for index, point in enumerate(points) if index % folds != fold]
        asked = points[fold::folds]
        squares = [(predict(known, point.place, knobs) - point.value) ** 2 for point in asked]
        yield math.sqrt(sum(squares) / len(squares))
