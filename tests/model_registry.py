"""Actions of SageMaker that moto does not have: model packages, their groups and feature groups deleted."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from moto.core.responses import EmptyResult
from moto.sagemaker.exceptions import AWSValidationException, ResourceNotFound
from moto.sagemaker.responses import SageMakerResponse

from tests.aws import moto


def _delete_model_package(response: Any) -> EmptyResult:
    backend, name = response.sagemaker_backend, response._get_param("ModelPackageName")  # noqa: SLF001
    if name not in backend.model_packages:
        raise AWSValidationException(f"ModelPackage {name} does not exist.")
    del backend.model_packages[name]
    return EmptyResult()


def _delete_model_package_group(response: Any) -> EmptyResult:
    backend, name = response.sagemaker_backend, response._get_param("ModelPackageGroupName")  # noqa: SLF001
    if any(package.model_package_group_name == name for package in backend.model_packages.values()):
        raise AWSValidationException(
            message="Model Package Group cannot be deleted as it still contains some"
        )
    del backend.model_package_groups[name]
    return EmptyResult()


def _feature_group(response: Any) -> str:
    backend, name = response.sagemaker_backend, response._get_param("FeatureGroupName")  # noqa: SLF001
    arns = [arn for arn, group in backend.feature_groups.items() if group.feature_group_name == name]
    if not arns:
        raise ResourceNotFound(f"Resource Not Found: feature group {name}")
    return str(arns[0])


def _delete_feature_group(response: Any) -> EmptyResult:
    del response.sagemaker_backend.feature_groups[_feature_group(response)]
    return EmptyResult()


def _describing(described: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def describe(response: Any) -> Any:
        _feature_group(response)
        return described(response)

    return describe


@contextmanager
def sagemaker() -> Iterator[dict[str, str]]:
    """Run moto with these actions and nothing in it; yield the environment that leads boto3 to it."""
    with pytest.MonkeyPatch.context() as patch, moto() as environment:
        for function in (_delete_model_package, _delete_model_package_group, _delete_feature_group):
            patch.setattr(SageMakerResponse, function.__name__[1:], function, raising=False)
        describe = SageMakerResponse.describe_feature_group
        patch.setattr(SageMakerResponse, "describe_feature_group", _describing(describe))
        yield environment
