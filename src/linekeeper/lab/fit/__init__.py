"""Fitting scorecards: snapshots in, an additive card of whole points out, with the evidence for it."""
