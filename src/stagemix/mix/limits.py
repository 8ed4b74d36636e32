"""From how many codes, accounts and periods on a figure is given (statistics: sections 3, 4c)."""

GROUP_CODES = 10
"""Coded posts that a group's corrected share needs: the difference estimator's least."""
STAGE_CODES = 3
"""Coded posts of a stage in all that its share by group needs."""
STAGE_CODES_SURE = 10
"""Coded posts of a stage in all from which on its shares are not marked `few`."""
HALF_CODES = 30
"""Posts coded above the first category that each half of the periods needs before Q is given."""
LEAST_ACCOUNTS, LEAST_PERIODS, LEAST_CODES = 6, 4, 100
"""What the tests of change were measured from."""
