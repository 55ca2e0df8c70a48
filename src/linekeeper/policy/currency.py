"""How many digits the minor unit of a currency has (ISO 4217)."""

from __future__ import annotations

_OTHER_DIGITS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
}


def minor_digits(currency: str) -> int:
    """Digits of the minor unit.

    >>> minor_digits("CNY"), minor_digits("JPY")
    (2, 0)
    """
    return next((digits for digits, codes in _OTHER_DIGITS.items() if currency in codes.split()), 2)
