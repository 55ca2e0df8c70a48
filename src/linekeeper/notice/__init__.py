"""Notices: decisions in words for the borrower, in Simplified Chinese and English; policies that describe themselves.

Everything here is a pure function of its arguments and of the shipped material (templates, reason texts).
"""
