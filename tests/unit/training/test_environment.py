from emulator.training.environment import container_environment, endpoint_variables
from tests.support.builders import a_training_job


def test_environment_is_that_of_real_jobs() -> None:
    assert container_environment(a_training_job("Task1-ABC"), has_gpus=False) == {
        "TRAINING_JOB_NAME": "Task1-ABC",
        "TRAINING_JOB_ARN": "arn:aws:sagemaker:eu-west-1:111122223333:training-job/task1-abc",
        "AWS_REGION": "eu-west-1",
        "AWS_EXECUTION_ENV": "AWS_ECS_EC2",
        "DMLC_INTERFACE": "eth0",
        "NVIDIA_VISIBLE_DEVICES": "void",
        "AWS_ACCESS_KEY_ID": "111122223333",
        "AWS_SECRET_ACCESS_KEY": "emulator",
        "AWS_SESSION_TOKEN": "emulator",
    }


def test_environment_has_nothing_of_the_emulator_under_network_isolation() -> None:
    job = a_training_job(EnableNetworkIsolation=True)

    assert not [
        name for name in container_environment(job, has_gpus=False) if "KEY" in name or "TOKEN" in name
    ]
    assert endpoint_variables(job) == {}


def test_endpoint_variables_leave_the_request_s_own_alone() -> None:
    variables = endpoint_variables(a_training_job(Environment={"AWS_ENDPOINT_URL": "mine"}))

    assert variables == {
        "S3_ENDPOINT_URL": "",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "/_emulator/credentials/111122223333",
    }


def test_environment_leaves_the_devices_to_the_gpu_runtime() -> None:
    assert "NVIDIA_VISIBLE_DEVICES" not in container_environment(a_training_job(), has_gpus=True)


def test_environment_has_the_request_s_variables_verbatim_and_they_win() -> None:
    wanted = {"A": "", "_b": "x=y $HOME \n é", "AWS_REGION": "mine", "NVIDIA_VISIBLE_DEVICES": "1"}

    environment = container_environment(a_training_job(Environment=wanted), has_gpus=False)

    assert {name: environment[name] for name in wanted} == wanted
    assert environment["TRAINING_JOB_NAME"] == "Train-1"


def test_environment_has_none_of_the_toolkit_s_variables() -> None:
    assert not [name for name in container_environment(a_training_job(), False) if name.startswith("SM_")]
