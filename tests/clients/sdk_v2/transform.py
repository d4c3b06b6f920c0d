"""Batch transform with the model of a finished job: every row of the CSV objects gets its prediction behind it."""

import sys

import sagemaker
from sagemaker.estimator import Estimator

session = sagemaker.Session(default_bucket="sdk-v2")
data = session.upload_data("data", key_prefix="transform/data")
transformer = Estimator.attach(sys.argv[1], sagemaker_session=session).transformer(
    instance_count=2,
    instance_type="ml.m5.large",
    strategy="MultiRecord",
    assemble_with="Line",
    accept="text/csv",
    output_path="s3://sdk-v2/transform/output",
)
transformer.transform(
    data,
    content_type="text/csv",
    split_type="Line",
    input_filter="$[1:]",  # the label is not for the model
    join_source="Input",
)
transformer.delete_model()
print("output:", session.list_s3_files("sdk-v2", "transform/output"))
print("first row:", session.read_s3_file("sdk-v2", "transform/output/part-0.csv.out").splitlines()[0])
