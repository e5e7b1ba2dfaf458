"""How random tests choose their examples.

The same ones in every run, so that `make test` says the same of the same code; `make test SEEDS=fresh`
(`pytest --hypothesis-profile=fresh`) takes others each time.  No example has a time limit.
"""

from hypothesis import settings

settings.register_profile("fixed", derandomize=True, database=None, deadline=None)
settings.register_profile("fresh", derandomize=False, database=None, deadline=None, print_blob=True)
settings.load_profile("fixed")
