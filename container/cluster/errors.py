"""Why a cluster could not be made or was lost."""

from fleetcast.errors import FleetcastError


class ClusterError(FleetcastError):
    """The hosts of a job did not become a Ray cluster, or the cluster ended before the job."""


class StoppedError(Exception):
    """A signal has asked this host to stop before there was a cluster."""
