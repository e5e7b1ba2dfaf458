"""The channel `config`: holidays, changepoints and seasonalities from files."""
