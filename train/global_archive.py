"""The archive of a job's global model, beside those of its customers."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from fleetcast.archive import GLOBAL_NAME, Archive, BundleWriter, pack, write_archive
from fleetcast.global_model import GlobalModel, write_global_model
from train.channel import Customer

NAME_IS_TAKEN: Final = (
    f"in this job the archive of the global model has the name {GLOBAL_NAME}: rename the customer, or train "
    "without a global model"
)


def write_global_archive(
    model: GlobalModel, checkpoints: Path, bundle: BundleWriter, *, non_negative: bool
) -> None:
    """Write the archive to `<checkpoints>/global_model.tar.gz` and into the bundle; raises FilesystemError.

    Equal models give equal bytes.  The name is on the disk once `sync_folder(checkpoints)` returns.
    """
    metadata = {"customer": GLOBAL_NAME, "freq": model.settings.freq}
    packed = pack(
        Archive(write_global_model(model), metadata | ({"non_negative": True} if non_negative else {}))
    )
    write_archive(checkpoints, GLOBAL_NAME, packed)
    bundle.add(GLOBAL_NAME, packed)


def without_global_name(customers: Sequence[Customer]) -> list[Customer]:
    """Return the customers; one with the name of the global model's archive has this as its problem."""
    return [
        replace(customer, problem=NAME_IS_TAKEN) if customer.name == GLOBAL_NAME else customer
        for customer in customers
    ]
