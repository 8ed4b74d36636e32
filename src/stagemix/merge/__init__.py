"""Merging within accounts (融合) and alikeness between them (趋同): estimates, tests, verdicts."""
