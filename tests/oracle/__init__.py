"""A slow, independent, obvious reading of docs/reference/policy-language.md, and policies and streams to try it on."""
