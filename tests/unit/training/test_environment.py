from emulator.training.environment import container_environment
from tests.support.builders import a_training_job


def test_environment_is_that_of_real_jobs() -> None:
    assert container_environment(a_training_job("Task1-ABC"), has_gpus=False) == {
        "TRAINING_JOB_NAME": "Task1-ABC",
        "TRAINING_JOB_ARN": "arn:aws:sagemaker:eu-west-1:111122223333:training-job/task1-abc",
        "AWS_REGION": "eu-west-1",
        "AWS_EXECUTION_ENV": "AWS_ECS_EC2",
        "DMLC_INTERFACE": "eth0",
        "NVIDIA_VISIBLE_DEVICES": "void",
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
