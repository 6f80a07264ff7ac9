"""SNS and Secrets Manager; boto3 is imported here only, and late."""
