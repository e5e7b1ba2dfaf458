"""From an estimation problem to the parameters: the minimum of minus Prophet's log posterior."""
