"""Decisions in words, Simplified Chinese and English: notices, lessons, clocks, and policies that explain themselves.

Everything here is a pure function of its arguments and of the shipped material (templates, catalogues, reason texts,
lessons, regulation records), which is read once and never changes while the program runs.
"""
