"""Local mode of the SageMaker Python SDK v2, run by test_sagemaker_sdk.py in the SDK's own environment.

    python tests/image/sdk_v2_local.py IMAGE FOLDER

FOLDER/customers is the training data, FOLDER/requests.jsonl the batch; what came of it is in
FOLDER/answers.json.
"""

import json
import socket
import sys
from pathlib import Path
from typing import Any

import boto3
from sagemaker.deserializers import JSONDeserializer
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.local import LocalSession
from sagemaker.model import Model
from sagemaker.predictor import Predictor
from sagemaker.serializers import JSONSerializer

ROLE = "arn:aws:iam::123456789012:role/SageMaker"
JSON_LINES = "application/jsonlines"
NO_TELEMETRY = {
    "SchemaVersion": "1.0",
    "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}},
}


def main() -> None:
    """Train, deploy and ask, transform a batch; write the answers down."""
    image, folder = sys.argv[1], Path(sys.argv[2])
    session = _local_session(folder)

    estimator = Estimator(
        image, ROLE, 1, "local", output_path=f"file://{folder}/artifacts", sagemaker_session=session
    )
    estimator.fit({"train": TrainingInput(f"file://{folder}/customers")})
    model = Model(image, estimator.model_data, ROLE, predictor_cls=Predictor, sagemaker_session=session)

    answers = _deployed(model) | {"transformed": _transformed(model, folder)}

    (folder / "answers.json").write_text(json.dumps(answers))


def _local_session(folder: Path) -> LocalSession:
    boto = boto3.Session("local-mode", "needs-none", region_name="eu-west-1")
    session = LocalSession(boto, sagemaker_config=NO_TELEMETRY)
    root = folder / "containers"
    root.mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        session.config = {"local": {"serving_port": probe.getsockname()[1], "container_root": str(root)}}
    return session


def _deployed(model: Model) -> dict[str, Any]:
    """Return what an endpoint answers for a customer, and what it has for one that is not there."""
    predictor = model.deploy(1, "local", serializer=JSONSerializer(), deserializer=JSONDeserializer())
    try:
        return {
            "one": predictor.predict({"target_model": "7", "period": 7}),
            "many": predictor.predict(
                {"requests": [{"target_model": "8", "period": 2}, {"target_model": "nobody"}]}
            ),
        }
    finally:
        predictor.delete_endpoint()


def _transformed(model: Model, folder: Path) -> list[str]:
    """Return the lines that a batch transform leaves."""
    transformer = model.transformer(
        1,
        "local",
        strategy="MultiRecord",
        accept=JSON_LINES,
        output_path=f"file://{folder}/forecasts",
    )
    requests = f"file://{folder}/requests.jsonl"
    transformer.transform(requests, content_type=JSON_LINES, split_type="Line", logs=False)
    return [path.read_text() for path in sorted((folder / "forecasts").rglob("*.out"))]


if __name__ == "__main__":
    main()
