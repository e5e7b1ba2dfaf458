"""Registers a model package: in the registry of AWS where an endpoint is set, else in a file of the run."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

from container import read_json_object
from fleetcast.archive import write_atomically
from pipeline.aws import Aws, ModelPackages
from pipeline.definition import objects

NAME: Final = "registry.json"
DIGEST: Final = "step_sha256"
"""The property of a model package by which a run that was killed finds what it has registered."""
LOOKED_AT: Final = 100
"""Newest versions in which it is looked for."""


ENDPOINTS: Final = ("AWS_ENDPOINT_URL_SAGEMAKER", "AWS_ENDPOINT_URL")
"""With one of these variables a local run registers there, such as at a stand-in for AWS."""


def register(
    folder: Path, arguments: Mapping[str, Any], digest: str, env: Mapping[str, str]
) -> dict[str, Any]:
    """Return the version that a step registered; the same step registers it once.  Raises AwsError."""
    if not any(env.get(name) for name in ENDPOINTS):
        return register_in_file(folder, arguments, digest)
    aws, group = Aws(), str(arguments["ModelPackageGroupName"])
    packages = ModelPackages(aws, group)
    if not packages.description():
        aws.call("sagemaker", "CreateModelPackageGroup", ModelPackageGroupName=group)
    for summary in islice(packages.summaries(), LOOKED_AT):
        arn = str(summary["ModelPackageArn"])
        if packages.describe(arn).get("CustomerMetadataProperties", {}).get(DIGEST) == digest:
            return {"ModelPackageArn": arn}
    made = aws.call(
        "sagemaker",
        "CreateModelPackage",
        ClientToken=digest[:36],
        **{**arguments, "CustomerMetadataProperties": {DIGEST: digest}},
    )
    return {"ModelPackageArn": str(made["ModelPackageArn"])}


def register_in_file(folder: Path, arguments: Mapping[str, Any], digest: str) -> dict[str, Any]:
    """Return the version that a step registered; the same step registers it once."""
    path = folder / NAME
    packages = objects(read_json_object(path).get("ModelPackages"))
    for package in packages:
        if package.get("digest") == digest:
            return package
    group = str(arguments["ModelPackageGroupName"])
    version = 1 + sum(each.get("ModelPackageGroupName") == group for each in packages)
    package = {
        **arguments,
        "ModelPackageVersion": version,
        "ModelPackageArn": f"arn:aws:sagemaker:local:000000000000:model-package/{group}/{version}",
        "ModelPackageStatus": "Completed",
        "CreationTime": datetime.now(UTC).isoformat(timespec="seconds"),
        "digest": digest,
    }
    content = json.dumps({"ModelPackages": [*packages, package]}, indent=1)
    write_atomically(path, content.encode() + b"\n")
    return package
