"""Stage mixes: shares with intervals, groups compared, and what their errors show."""
