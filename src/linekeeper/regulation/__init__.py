"""Regulation: the dated records of `policies/regulation`, and the clocks that say by when a notice must be out."""
