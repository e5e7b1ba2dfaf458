"""Stock Prophet, for what the core leaves to it: MCMC samples, Stan's arguments, data without an optimum."""
