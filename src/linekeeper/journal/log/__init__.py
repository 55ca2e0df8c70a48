"""The transparency log: an RFC 6962 tree of commitments, in C2SP's formats, that nobody can quietly change.

Bottom to top: `tree`, `note`, `checkpoint`, `proof`, `durable` (pure formats and the disk), `tiles`, `signer`;
`entry`, `masters`, `vault` (commitments and keys), `tables`, `append`, `erase` (the database); `publish`,
`witness`, `cosign`; `receipt`, `qr`, `audit`, `export` (what leaves the house).
"""
