"""The multi-model endpoint: Multi Model Server in front of a pool of processes."""

from serving.mms.supervisor import Supervisor

__all__ = ["Supervisor"]
