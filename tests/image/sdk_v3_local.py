"""Local mode of the SageMaker Python SDK v3, run by test_sagemaker_sdk.py in the SDK's own environment.

    python tests/image/sdk_v3_local.py IMAGE FOLDER

FOLDER/customers is the training data; FOLDER/job is where the SDK leaves model.tar.gz and output.tar.gz.
"""

import sys
from pathlib import Path

from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData
from sagemaker.train.model_trainer import Mode


def main() -> None:
    """Train in a container on this machine, started as the SDK does it: without an argument."""
    image, folder = sys.argv[1], Path(sys.argv[2])
    (folder / "job").mkdir()
    trainer = ModelTrainer(
        training_mode=Mode.LOCAL_CONTAINER,
        training_image=image,
        compute=Compute(instance_type="local_cpu", instance_count=1),
        hyperparameters={"holdout": "7D", "seasonality_mode": "multiplicative"},
        input_data_config=[InputData(channel_name="train", data_source=str(folder / "customers"))],
        local_container_root=str(folder / "job"),
    )
    trainer.train()


if __name__ == "__main__":
    main()
