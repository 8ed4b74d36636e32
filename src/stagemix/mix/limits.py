"""From how many codes, accounts and periods on a figure is given (statistics: sections 3 to 4d)."""

GROUP_CODES = 10
"""Coded posts that a group's corrected share needs: the difference estimator's least."""
STAGE_CODES = 3
"""Coded posts of a stage in all that its share by group needs."""
STAGE_CODES_SURE = 10
"""Coded posts of a stage in all from which on its shares are not marked `few`."""
BORROWING_ACCOUNTS, BORROWING_CODES = 10, 300
"""Accounts and codes from which on accounts borrow from each other; fewer were not measured."""
OWN_CODES = 5
"""Codes of its own below which a group's share is mostly borrowed."""
SMALL_CELL = 20
"""Posts below which the shares of a group in one period are not for ranking."""
GROUP_ACCOUNTS = 3
"""Accounts that a group needs before it has an interval and takes part in tests."""
HALF_CODES = 30
"""Posts coded above the first category that each half of the periods needs before Q is given."""
LEAST_ACCOUNTS, LEAST_PERIODS, LEAST_CODES = 6, 4, 100
"""What the tests of change were measured from."""
MERGING_CODES = 300
"""Codes below which merging is not decided, unless every post is coded."""
ALIKE_CODES_RARE = 1000
"""Codes below which, where higher stages are rare, a true fall is found less than one time in two."""
ALIKE_CODES = 500
"""Codes from which on alikeness is tested; with 300 it would be found one time in five."""
