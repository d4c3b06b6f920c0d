# The AWS CLI, version 1 or 2: upload, train, wait, read the log and the model.
set -euo pipefail

aws s3 mb s3://cli
aws s3 cp --recursive data s3://cli/data/

job=cli-$(date +%s)
aws sagemaker create-training-job \
    --training-job-name "$job" \
    --role-arn arn:aws:iam::123456789012:role/SageMakerRole \
    --algorithm-specification TrainingImage=sagemaker-emulator-samples/logistic_regression,TrainingInputMode=File \
    --hyper-parameters epochs=3 \
    --input-data-config '[{"ChannelName": "train", "DataSource": {"S3DataSource": {
        "S3DataType": "S3Prefix", "S3Uri": "s3://cli/data/", "S3DataDistributionType": "ShardedByS3Key"}}}]' \
    --output-data-config S3OutputPath=s3://cli/output \
    --resource-config InstanceType=ml.m5.large,InstanceCount=2,VolumeSizeInGB=1 \
    --stopping-condition MaxRuntimeInSeconds=600

# `aws sagemaker wait training-job-completed-or-stopped` works as well, but it asks only every two minutes.
until aws sagemaker describe-training-job --training-job-name "$job" --query TrainingJobStatus --output text |
    tee /dev/stderr | grep -qE 'Completed|Failed|Stopped'; do sleep 1; done
aws sagemaker wait training-job-completed-or-stopped --training-job-name "$job"

group=/aws/sagemaker/TrainingJobs
for stream in $(aws logs describe-log-streams --log-group-name $group --log-stream-name-prefix "$job/" \
    --query 'logStreams[].logStreamName' --output text); do
    aws logs get-log-events --log-group-name $group --log-stream-name "$stream" --start-from-head \
        --query 'events[].message' --output text
done

aws sagemaker list-training-jobs --name-contains cli- --page-size 1 \
    --query 'TrainingJobSummaries[].[TrainingJobName, TrainingJobStatus]' --output text
aws s3 cp "$(aws sagemaker describe-training-job --training-job-name "$job" \
    --query ModelArtifacts.S3ModelArtifacts --output text)" model.tar.gz
