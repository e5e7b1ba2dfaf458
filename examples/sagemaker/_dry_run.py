"""A boto3 session that sends nothing: calls are validated by botocore, printed, and answered from here."""

import io
import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import boto3
from botocore.exceptions import ClientError
from botocore.model import OperationModel
from botocore.response import StreamingBody

ARN = "arn:aws:sagemaker:eu-west-1:123456789012:dry-run/dry-run"
ANSWERED = {"s3", "sagemaker", "sagemaker-runtime"}
FORECAST = b'{"target_model": "7", "predictions": []}'


def dry_session(region: str) -> boto3.Session:
    """Return a session whose clients raise ParamValidationError for a call that AWS would not understand.

    botocore compares each call with the service's description (names, types, lengths and ranges, and what is
    required) before the event `before-call`; an answer to that event takes the place of the network.
    """
    session = boto3.Session(
        aws_access_key_id="dry-run",
        aws_secret_access_key="dry-run",  # noqa: S106 -- signs nothing, and spares the search for real ones
        region_name=region,
    )
    answers = _Answers()
    session.events.register("before-parameter-build", answers.note)
    session.events.register("before-call", answers.answer)
    return session


class _Answers:
    """Answers as SageMaker would: everything that was created is ready at once, with its own parameters."""

    def __init__(self) -> None:
        self._created: dict[str, dict[str, Any]] = {}

    def note(self, params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
        """Keep the parameters of a call before they become an HTTP request."""
        context["parameters"] = dict(params)

    def answer(
        self, model: OperationModel, context: dict[str, Any], **_: object
    ) -> tuple[SimpleNamespace, dict[str, Any]]:
        """Print a call that is valid and return botocore's pair of HTTP response and parsed answer.

        Calls to other services (SDK v3 looks up the role) are denied.
        """
        parameters, service = context["parameters"], model.service_model.service_name
        if service not in ANSWERED:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "a dry run"}}, model.name)
        print(
            json.dumps({"service": service, "operation": model.name, "parameters": parameters}, default=_text)
        )
        return SimpleNamespace(status_code=200), self._parsed(model.name, parameters) | {
            "ResponseMetadata": {}
        }

    def _parsed(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        if operation.startswith("Create"):
            kind = operation.removeprefix("Create")
            self._created[kind] = parameters
            return {f"{kind}Arn": ARN}
        if operation.startswith("Describe"):
            return self._described(operation.removeprefix("Describe"))
        if operation == "InvokeEndpoint":
            body = StreamingBody(io.BytesIO(FORECAST), len(FORECAST))
            return {"Body": body, "ContentType": "application/json"}
        if operation == "InvokeEndpointAsync":
            return {"OutputLocation": "s3://dry-run/forecast.out", "InferenceId": "dry-run"}
        return {}

    def _described(self, kind: str) -> dict[str, Any]:
        now = datetime.now(UTC)
        status = "InService" if kind == "Endpoint" else "Completed"
        facts = {f"{kind}Arn": ARN, f"{kind}Status": status, "SecondaryStatus": status, "CreationTime": now}
        return facts | {"LastModifiedTime": now} | self._created[kind]


def _text(value: object) -> str:
    """Return a value that JSON has no type for as text; an upload is a file in memory."""
    content = value.getvalue() if isinstance(value, io.BytesIO) else value
    return content.decode() if isinstance(content, bytes) else str(content)
