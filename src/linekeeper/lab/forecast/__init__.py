"""Forecasting who falls behind: a monthly delinquency panel goes in; chances by month come out, tested out of time."""
