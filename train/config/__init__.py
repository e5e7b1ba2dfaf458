"""The channel `config`: holidays, changepoints and seasonalities from files."""

from train.config.files import Config

__all__ = ["Config"]
