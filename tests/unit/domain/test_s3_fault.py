from emulator.domain.s3_fault import S3Fault


def test_s3_fault_prints_code_and_message() -> None:
    fault = S3Fault("NoSuchBucket", "The bucket is not there")

    assert (fault.code, fault.message) == ("NoSuchBucket", "The bucket is not there")
    assert str(fault) == "NoSuchBucket: The bucket is not there"
