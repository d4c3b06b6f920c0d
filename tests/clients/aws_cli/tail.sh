# The AWS CLI, version 2: the log of all hosts of the newest job; add --follow to see lines as they come.
set -euo pipefail

job=$(aws sagemaker list-training-jobs --sort-by CreationTime --sort-order Descending --no-paginate --max-results 1 \
    --query 'TrainingJobSummaries[0].TrainingJobName' --output text)
aws logs tail /aws/sagemaker/TrainingJobs --log-stream-name-prefix "$job/" --since 1h --format short
