"""A slow, independent, obvious reading of docs/policy-language.md, and policies and streams to try it on."""
