"""Fitting scorecards: a training table goes in; an additive card of whole points comes out, with the evidence for it.

These modules need the extra `fit` and import its libraries at their heads; nothing else in the package imports them,
except for `plan`, `table_columns` and `training_table`, which need no extra.
"""
