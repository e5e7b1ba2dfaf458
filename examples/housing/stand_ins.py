"""What stands in for AWS here: moto for SageMaker, a server for the feature store's runtime."""

import io
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

import boto3
from moto.server import ThreadedMotoServer

from examples.housing.definition import NAME
from examples.housing.houses import EVENT_TIME, IDENTIFIER, TYPES
from examples.housing.ingest import create_group
from testbed.feature_store import FeatureStore, Record, feature_store

ROLE = "arn:aws:iam::123456789012:role/SageMaker"


@contextmanager
def aws(folder: Path, *, houses: int) -> Iterator[Path]:
    """Lead boto3, here and in programs that are started, to the stand-ins until the block ends.

    Yields the folder of the offline store, which has Parquet files once so many houses were put.  The service
    writes them some minutes after the records.
    """
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    with redirect_stdout(io.StringIO()):  # it announces itself
        moto.start()
    before = dict(os.environ)
    try:
        with feature_store(group=NAME, identifier=IDENTIFIER, event_time=EVENT_TIME, types=TYPES) as store:
            host, port = moto.get_host_and_port()
            os.environ.update(store.environment | {"AWS_ENDPOINT_URL": f"http://{host}:{port}"})
            boto3.client("s3").create_bucket(Bucket=NAME)
            create_group(NAME, store=f"s3://{NAME}/store", role=ROLE)
            _write_once_complete(store, folder, houses)
            yield folder
    finally:
        os.environ.clear()
        os.environ.update(before)
        moto.stop()


def _write_once_complete(store: FeatureStore, folder: Path, houses: int) -> None:
    folder.mkdir(parents=True)
    put = store.put

    def put_and_write(record: Record, *, deleted: bool = False) -> None:
        put(record, deleted=deleted)
        if len(store.stored) >= houses:
            store.write(folder)

    store.put = put_and_write  # type: ignore[method-assign]
