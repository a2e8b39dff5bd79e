"""A made-up engine on a made-up dyno: sweeps of spark advance with noise, knock and a few bad samples."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

from sparktune.log_file import Sample
from sparktune.table import Cell, cells

STEP_DEG = 2
STEPS_EACH_SIDE = 5
SAMPLES_PER_STEP = 6
REAR_RETARD_DEG = 1.5
HOT_SPOT = Cell(3500, 95)


def best_advance(cell: Cell, cylinder: str) -> float:
    """Where the made-up engine gives most torque: earlier with speed, later with load."""
    base = 20.0 + 9.0 * math.log(cell.rpm / 1500) - 0.14 * (cell.kpa - 65)
    return base - (REAR_RETARD_DEG if cylinder == "r" else 0.0)


def knock_limit(cell: Cell, cylinder: str) -> float:
    """From which advance on it knocks: far away at light load, close at full load."""
    room = 14.0 - 0.25 * (cell.kpa - 35) + 0.0008 * (cell.rpm - 1500)
    if cell == HOT_SPOT:
        room -= 5.0
    return best_advance(cell, cylinder) + room


def base_table() -> dict[Cell, float]:
    """The spark table that the engine came with: careful, and wrong in places."""
    table = {cell: round(best_advance(cell, "f") - 4.0, 1) for cell in cells()}
    table[Cell(2500, 65)] += 9.0
    table[Cell(4500, 50)] -= 7.5
    return table


def sweeps(seed: int, repeats: int = 1) -> Iterator[Sample]:
    """Samples of a sweep of spark advance in each cell, for both cylinders."""
    chance = random.Random(seed)
    time_s = 0.0
    base = base_table()
    for cell in cells():
        if cell == Cell(5000, 35):
            continue  # the rider could not hold it there
        for _ in range(repeats):
            for step in range(-STEPS_EACH_SIDE, STEPS_EACH_SIDE + 1):
                for _ in range(SAMPLES_PER_STEP):
                    time_s += 0.1
                    yield _sample(chance, time_s, cell, base[cell] + 3.0 + step * STEP_DEG)


def _sample(chance: random.Random, time_s: float, cell: Cell, advance: float) -> Sample:
    full = 30.0 + 0.9 * cell.kpa - 0.000002 * (cell.rpm - 3200) ** 2
    torque, knock = {}, {}
    for cylinder in ("f", "r"):
        away = advance - best_advance(cell, cylinder)
        torque[cylinder] = full / 2 * (1 - 0.0011 * away * away) + chance.gauss(0, 0.25)
        over = advance - knock_limit(cell, cylinder)
        knock[cylinder] = max(0.0, 0.6 * over + chance.gauss(0, 0.15)) if over > 0 else 0.0
    intake = 92.0 + chance.gauss(0, 2) + (38.0 if cell == HOT_SPOT else 0.0)
    volts = 13.8 + chance.gauss(0, 0.05)
    if chance.random() < 0.004:
        torque["f"] = -1.0  # a cable that comes loose now and then
    return Sample(
        time_s=round(time_s, 1),
        rpm=round(cell.rpm + chance.gauss(0, 25), 1),
        map_kpa=round(cell.kpa + chance.gauss(0, 1), 1),
        advance_deg=round(advance, 2),
        torque_f=round(torque["f"], 3),
        torque_r=round(torque["r"], 3),
        knock_f=round(knock["f"], 3),
        knock_r=round(knock["r"], 3),
        exhaust_c=round(640 + 0.03 * cell.rpm + 0.8 * cell.kpa - 4 * (advance - 20) + chance.gauss(0, 4), 1),
        intake_f=round(intake, 1),
        volts=round(volts, 2),
    )
