"""The program `tune`: searches the hyperparameters with which a fleet errs least in backtests."""
