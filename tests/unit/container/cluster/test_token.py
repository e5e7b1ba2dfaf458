from container.cluster.token import derived_token, is_set_by_user

HOSTS = ("algo-1", "algo-2")
ARN = "arn:aws:sagemaker:eu-west-1:123456789012:training-job/fleet-1"


def test_all_hosts_of_a_job_derive_the_same_token() -> None:
    one = derived_token({"TRAINING_JOB_ARN": ARN, "HOSTNAME": "algo-1"}, HOSTS)
    other = derived_token({"TRAINING_JOB_ARN": ARN, "HOSTNAME": "algo-2"}, HOSTS)

    assert one == other
    assert len(one) == 64


def test_another_job_and_other_hosts_have_another_token() -> None:
    tokens = {
        derived_token({"TRAINING_JOB_ARN": ARN}, HOSTS),
        derived_token({"TRAINING_JOB_ARN": ARN + "1"}, HOSTS),
        derived_token({"PROCESSING_JOB_ARN": ARN + "2"}, HOSTS),
        derived_token({"TRAINING_JOB_NAME": "fleet-1"}, HOSTS),
        derived_token({"TRAINING_JOB_ARN": ARN}, (*HOSTS, "algo-3")),
        derived_token({}, HOSTS),
    }

    assert len(tokens) == 6


def test_a_token_of_the_user_is_left_to_ray() -> None:
    assert is_set_by_user({"RAY_AUTH_TOKEN": "x"})
    assert is_set_by_user({"RAY_AUTH_TOKEN_PATH": "/run/secrets/token"})
    assert not is_set_by_user({"RAY_AUTH_TOKEN": ""})
