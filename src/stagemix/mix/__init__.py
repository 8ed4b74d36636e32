"""Stage mixes: shares with intervals, merging within accounts, alikeness between them."""
