"""Features in bins, made once for a whole table: what LightGBM learns from, and where a card may cut.

LightGBM sees a column of bin numbers for each feature, and one flag column for each special code and for missing. Folds
take rows of what was binned once. Bins are made of the features alone, so no label of an unseen row is in them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from linekeeper.core.bounds import MISSING
from linekeeper.lab.fit.additive_model import Binning, Floats
from linekeeper.lab.fit.plan import FeaturePlan, FitPlan
from linekeeper.lab.fit.training_table import Rows, TrainingTable
from linekeeper.scorecard.many import FeatureColumn, FeatureColumns

FINE_BINS = 250  # LightGBM has 255 bins, one of them for what has no amount
COARSE_BINS = 31  # for what only ranks or teaches: a forest, the choice of pairs
OF_DATA = {"max_bin": 255, "min_data_in_bin": 1, "feature_pre_filter": False, "verbose": -1, "num_threads": 1}

BinNumbers = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class FeatureBlock:
    """Where a feature stands in the matrix: the numbers of its bins at column `start`, then a flag for each of `flags`.

    `flags` are the bins of codes and of missing that occur. A row in such a bin has no amount (NaN) and its flag set.
    """

    feature: FeaturePlan
    binning: Binning
    start: int
    flags: tuple[int, ...]

    @property
    def columns(self) -> list[int]:
        """The numbers of its columns."""
        return list(range(self.start, self.start + 1 + len(self.flags)))

    @property
    def directions(self) -> list[int]:
        """LightGBM's monotone constraints of these columns: log-odds of bad rise with what is worse."""
        return [{"higher": 1, "lower": -1, None: 0}[self.feature.worse], *(0 for _ in self.flags)]

    def matrix(self, bins: BinNumbers) -> Floats:
        """The columns of the block for rows in these bins: [rows, columns]."""
        amounts = bins.astype(np.float64)
        amounts[np.isin(bins, self.binning.without_amount)] = np.nan
        return np.column_stack([amounts, *((bins == flag).astype(np.float64) for flag in self.flags)])


@dataclass(frozen=True, slots=True)
class FeatureBins:
    """Rows in the bins of each feature: `bins[k]` has the bin of each row in the feature of `blocks[k]`."""

    blocks: tuple[FeatureBlock, ...]
    bins: tuple[BinNumbers, ...]

    def take(self, rows: Rows) -> FeatureBins:
        """Those rows, in that order."""
        return replace(self, bins=tuple(bins[rows] for bins in self.bins))

    def encode(self, columns: FeatureColumns) -> FeatureBins:
        """Other rows in the same bins."""
        return replace(self, bins=tuple(b.binning.bin_of(columns[b.feature.name]) for b in self.blocks))

    def matrix(self) -> Floats:
        """What LightGBM sees: [rows, columns of all blocks]."""
        return np.column_stack([block.matrix(bins) for block, bins in zip(self.blocks, self.bins, strict=True)])

    @property
    def directions(self) -> list[int]:
        """A monotone constraint for each column."""
        return [direction for block in self.blocks for direction in block.directions]

    @property
    def owners(self) -> list[tuple[int, int | None]]:
        """For each column: the number of its feature, and the bin that it flags (None: the column of amounts)."""
        return [(k, flag) for k, block in enumerate(self.blocks) for flag in (None, *block.flags)]


def bin_features(plan: FitPlan, columns: FeatureColumns, bins_max: int) -> FeatureBins:
    """Every feature of the plan in at most about `bins_max` bins; a flag only for codes that occur."""
    blocks: list[FeatureBlock] = []
    every_bins = []
    start = 0
    for feature in plan.features:
        values = columns[feature.name]
        binning = _binning(feature, values, bins_max)
        bins = binning.bin_of(values)
        occurring = np.unique(bins)
        flags = tuple(number for number in binning.without_amount if number in occurring)
        blocks.append(FeatureBlock(feature, binning, start, flags))
        every_bins.append(bins)
        start += 1 + len(flags)
    return FeatureBins(tuple(blocks), tuple(every_bins))


def _binning(feature: FeaturePlan, values: FeatureColumn, bins_max: int) -> Binning:
    """Bins of about equally many rows; each choice, and each declared code, whether it occurs or not, has its own."""
    amounts = values[(values != MISSING) & ~np.isin(values, feature.special)]
    cuts = set(range(1, len(feature.choices))) if feature.choices else _quantile_cuts(amounts, bins_max)
    every = sorted(cuts.union(*((code, code + 1) for code in feature.special)))
    return Binning(feature.name, tuple(every), frozenset(every.index(code) + 1 for code in feature.special))


def _quantile_cuts(amounts: FeatureColumn, bins_max: int) -> set[int]:
    """Cuts half way between neighbouring amounts; an amount that alone fills a bin gets one of its own."""
    distinct, rows = np.unique(amounts, return_counts=True)
    begins = np.arange(1, len(distinct))
    if len(distinct) > bins_max:
        heavy = rows >= len(amounts) / bins_max
        light = np.repeat(distinct[~heavy], rows[~heavy])
        parts = max(bins_max - 2 * int(heavy.sum()), 2)
        quantiles = np.quantile(light, np.linspace(0, 1, parts + 1)[1:-1], method="nearest")
        at_heavy = np.flatnonzero(heavy)
        begins = np.unique(np.concatenate([np.searchsorted(distinct, quantiles), at_heavy, at_heavy + 1]))
        begins = begins[(begins > 0) & (begins < len(distinct))]
    below, above = distinct[begins - 1], distinct[begins]
    return set((below + (above - below) // 2 + 1).tolist())


def part_of(whole: lgb.Dataset, rows: Rows) -> lgb.Dataset:
    """Those rows of a data set, whose places have to rise."""
    return whole.subset(rows.tolist())


def data_set_of(bins: FeatureBins, weight: Floats | None = None) -> lgb.Dataset:
    """The rows as a data set of LightGBM, to take parts of; what is learned is set on each part. Parts keep weights."""
    return lgb.Dataset(bins.matrix(), np.zeros(len(bins.bins[0])), weight=weight, params=dict(OF_DATA)).construct()


# ------------------------------------------------------------------ tables of them


@dataclass(frozen=True, slots=True)
class BinnedTable:
    """A training table with its features in fine and in coarse bins, and where it lies in the whole table.

    `rows` are its places in the whole table; `account` numbers the account of each row. The data sets of LightGBM are
    those of the whole table: they are built once, and each fit takes its part.
    """

    table: TrainingTable
    fine: FeatureBins
    coarse: FeatureBins
    rows: Rows
    account: BinNumbers
    whole_fine: lgb.Dataset
    whole_coarse: lgb.Dataset

    def __len__(self) -> int:
        return len(self.table)

    def fine_data(self) -> lgb.Dataset:
        """The rows in fine bins, to learn something from."""
        return part_of(self.whole_fine, self.rows)

    def coarse_data(self) -> lgb.Dataset:
        """The rows in coarse bins."""
        return part_of(self.whole_coarse, self.rows)

    @property
    def label(self) -> Floats:
        """1.0 for bad, 0.0 for good."""
        return self.table.label.astype(np.float64)

    def take(self, rows: Rows) -> BinnedTable:
        """Those rows, whose places have to rise."""
        return replace(
            self,
            table=self.table.take(rows),
            fine=self.fine.take(rows),
            coarse=self.coarse.take(rows),
            rows=self.rows[rows],
            account=self.account[rows],
        )

    def sample_accounts(self, share: float, seed: int) -> npt.NDArray[np.bool_]:
        """A mask of the rows of a random share of the accounts."""
        _, account = np.unique(self.account, return_inverse=True)
        chosen = np.random.default_rng(seed).random(int(account.max()) + 1) < share
        of_rows: npt.NDArray[np.bool_] = chosen[account]
        return of_rows


def bin_table(table: TrainingTable, plan: FitPlan) -> BinnedTable:
    """The table with its features binned for all fits on parts of it."""
    fine, coarse = (bin_features(plan, table.features, bins_max) for bins_max in (FINE_BINS, COARSE_BINS))
    _, account = np.unique(table.account, return_inverse=True)
    whole_fine, whole_coarse = data_set_of(fine, table.weight), data_set_of(coarse, table.weight)
    return BinnedTable(table, fine, coarse, np.arange(len(table)), account, whole_fine, whole_coarse)
