"""Features as LightGBM sees them: a column of amounts, and one flag column for each special code and for missing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from linekeeper.core.bounds import MISSING
from linekeeper.lab.fit.additive_model import Floats
from linekeeper.lab.fit.plan import FeaturePlan, FitPlan
from linekeeper.scorecard.many import FeatureColumn, FeatureColumns


@dataclass(frozen=True, slots=True)
class FeatureBlock:
    """Where a feature stands in the matrix: its amounts at column `start`, then a flag for each of `codes`.

    A special code or a missing value has no amount (NaN) and its flag set.
    """

    feature: FeaturePlan
    start: int
    codes: tuple[int, ...]

    @property
    def columns(self) -> list[int]:
        """The numbers of its columns."""
        return list(range(self.start, self.start + 1 + len(self.codes)))

    @property
    def directions(self) -> list[int]:
        """LightGBM's monotone constraints of these columns: log-odds of bad rise with what is worse."""
        return [{"higher": 1, "lower": -1, None: 0}[self.feature.worse], *(0 for _ in self.codes)]


def feature_blocks(plan: FitPlan, columns: FeatureColumns) -> list[FeatureBlock]:
    """One block a feature, in the plan's order; a flag only for codes that occur."""
    blocks: list[FeatureBlock] = []
    start = 0
    for feature in plan.features:
        values = columns[feature.name]
        codes = tuple(code for code in (MISSING, *feature.special) if (values == code).any())
        blocks.append(FeatureBlock(feature, start, codes))
        start += 1 + len(codes)
    return blocks


def design_matrix(blocks: list[FeatureBlock], columns: FeatureColumns) -> Floats:
    """Rows by columns of all blocks, float64."""
    return np.column_stack([part for block in blocks for part in encode_feature(block, columns[block.feature.name])])


def encode_feature(block: FeatureBlock, values: FeatureColumn) -> list[Floats]:
    """The columns of one block: amounts with NaN for codes and missing, then the flags."""
    no_amount = (values == MISSING) | np.isin(values, block.feature.special)
    amounts = np.where(no_amount, np.nan, values.astype(np.float64))
    return [amounts, *((values == code).astype(np.float64) for code in block.codes)]
