from emulator.domain.arn import TrainingJobKey


def test_arn_has_the_name_in_lower_case() -> None:
    key = TrainingJobKey("111122223333", "eu-west-1", "Task1-2020-ABC")

    assert key.arn == "arn:aws:sagemaker:eu-west-1:111122223333:training-job/task1-2020-abc"


def test_arn_tells_account_and_region_apart() -> None:
    keys = [TrainingJobKey(a, r, "j") for a in ("111122223333", "444455556666") for r in ("a-b-1", "a-b-2")]

    assert len({key.arn for key in keys}) == 4
