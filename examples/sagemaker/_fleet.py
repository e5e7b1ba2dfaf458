"""What all three clients send: names and addresses that follow from the command line, and fixed values."""

import json
from dataclasses import dataclass

import boto3

INSTANCE_TYPE = "ml.m5.large"
TRAINING_HOSTS = 2
VOLUME_GB = 10
MAX_RUNTIME_SECONDS = 3_600
SERVERLESS_MEMORY_MB = 2_048
SERVERLESS_CONCURRENCY = 5
HYPERPARAMETERS = {"seasonality_mode": "additive", "max_failed_fraction": "0.05", "holdout": "7D"}
METRICS = {
    name: f"{name}=([0-9.]+);"
    for name in (
        "customers_ok",
        "customers_skipped",
        "customers_fallback",
        "customers_kept",
        "customers_failed",
        "mean_mase",
        "mean_backtest_mase",
        "share_beating_naive",
        "mean_backtest_wape",
        "coverage_80",
        "incumbents_kept",
        "incumbents_replaced",
        "models_per_second",
        "seconds",
    )
}
OBJECTIVE = "mean_mase"
"""What a tuning job minimizes: the error on the holdout, as the last log line of `train` has it."""
TUNING_JOBS, TUNING_JOBS_AT_ONCE = 20, 2
RANGES = {
    "ContinuousParameterRanges": [
        {
            "Name": "changepoint_prior_scale",
            "MinValue": "0.001",
            "MaxValue": "0.5",
            "ScalingType": "Logarithmic",
        },
        {
            "Name": "seasonality_prior_scale",
            "MinValue": "0.01",
            "MaxValue": "10",
            "ScalingType": "Logarithmic",
        },
        {"Name": "changepoint_range", "MinValue": "0.8", "MaxValue": "0.95", "ScalingType": "Linear"},
    ],
    "IntegerParameterRanges": [
        {"Name": "n_changepoints", "MinValue": "5", "MaxValue": "50", "ScalingType": "Linear"},
    ],
    "CategoricalParameterRanges": [{"Name": "seasonality_mode", "Values": ["additive", "multiplicative"]}],
}
"""What a tuning job searches, as Prophet's documentation recommends."""
JSON, JSON_LINES = "application/json", "application/jsonlines"
PERIOD = {"period": 7}
ONE_CUSTOMER = {"target_model": "7"} | PERIOD
CUSTOMERS = "".join(json.dumps({"target_model": name} | PERIOD) + "\n" for name in ("7", "8"))
TARGET_ARCHIVE = "7.tar.gz"


@dataclass(frozen=True, slots=True)
class Fleet:
    """One training job, and the names of everything that is created from its models."""

    image: str
    role: str
    bucket: str
    name: str

    @property
    def customers(self) -> str:
        """Where `process` put one folder per customer."""
        return f"s3://{self.bucket}/customers/"

    @property
    def archives(self) -> str:
        """Where training leaves an archive per customer: the model store of a multi-model endpoint."""
        return f"s3://{self.bucket}/models/"

    @property
    def jobs(self) -> str:
        """Where training jobs leave their model.tar.gz and output.tar.gz."""
        return f"s3://{self.bucket}/jobs/"

    @property
    def model_data(self) -> str:
        """The whole fleet as one file: the bundles fleet-*.sqlite of all hosts of the training job."""
        return f"{self.jobs}{self.name}/output/model.tar.gz"

    @property
    def requests(self) -> str:
        """The key of the requests that wait in S3 for an async endpoint or a batch transform."""
        return f"requests/{self.name}.jsonl"

    @property
    def requests_url(self) -> str:
        """The address of these requests in S3."""
        return f"s3://{self.bucket}/{self.requests}"

    @property
    def forecasts(self) -> str:
        """Where async endpoints and batch transforms leave forecasts."""
        return f"s3://{self.bucket}/forecasts/"

    @property
    def failures(self) -> str:
        """Where async endpoints say which requests they could not answer."""
        return f"s3://{self.bucket}/failures/"

    @property
    def tuning_archives(self) -> str:
        """Where the training jobs of a tuning job leave their archives, which nothing serves."""
        return f"s3://{self.bucket}/tuning/{self.name}/"

    def called(self, kind: str) -> str:
        """Return the name of a model, endpoint or transform job of this fleet."""
        return f"{self.name}-{kind}"


def put_requests(session: boto3.Session, fleet: Fleet) -> None:
    """Upload the requests for an async endpoint or a batch transform."""
    session.client("s3").put_object(Bucket=fleet.bucket, Key=fleet.requests, Body=CUSTOMERS.encode())
