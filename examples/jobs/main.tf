# The queue of durable jobs with all that it needs, for functions that are made elsewhere. template.yaml is the same for SAM.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

variable "name" {
  description = "What the queues' names begin with"
  type        = string
}

variable "worker" {
  description = "The function that runs the jobs: its ARN, the name of its role, and its timeout in seconds"
  type        = object({ arn = string, role = string, timeout = number })
}

variable "senders" {
  description = "The names of the roles of other functions that enqueue"
  type        = set(string)
  default     = []
}

locals {
  max_receive_count = 13 # for what a crash or throttling leaves; retries are new messages
}

resource "aws_sqs_queue" "dead" {
  name                      = "${var.name}-orders-dead" # lambda-punch dashboard finds the dead letters by these names
  message_retention_seconds = 1209600                   # 14 days
}

resource "aws_sqs_queue" "orders" {
  name                       = "${var.name}-orders"
  visibility_timeout_seconds = 6 * var.worker.timeout
  message_retention_seconds  = 1209600
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead.arn
    maxReceiveCount     = local.max_receive_count
  })
}

resource "aws_lambda_event_source_mapping" "orders" {
  event_source_arn        = aws_sqs_queue.orders.arn
  function_name           = var.worker.arn
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"] # without it Lambda deletes what failed
  depends_on              = [aws_iam_role_policy.worker]

  scaling_config {
    maximum_concurrency = 10 # environments; so the queue's other users are not throttled
  }
}

resource "aws_iam_role_policy" "worker" {
  name = "${var.name}-orders"
  role = var.worker.role
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility"]
        Resource = aws_sqs_queue.orders.arn
      },
      { # retries, and dead letters with their reason
        Effect   = "Allow"
        Action   = "sqs:SendMessage"
        Resource = [aws_sqs_queue.orders.arn, aws_sqs_queue.dead.arn]
      },
    ]
  })
}

resource "aws_iam_role_policy" "sender" {
  for_each = var.senders
  name     = "${var.name}-orders-send"
  role     = each.value
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sqs:SendMessage", Resource = aws_sqs_queue.orders.arn }]
  })
}

resource "aws_cloudwatch_metric_alarm" "died" {
  alarm_name          = "${var.name}-orders-died"
  alarm_description   = "A job of the queue orders is dead. Its message says why, by its attributes."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.dead.name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
}

resource "aws_cloudwatch_metric_alarm" "late" {
  alarm_name          = "${var.name}-orders-late"
  alarm_description   = "A message has waited longer than the longest wait before a retry, so the worker does not keep up."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = aws_sqs_queue.orders.name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 16200 # 4.5 hours; the last wait of the table is 4.1
  treat_missing_data  = "notBreaching"
}

resource "aws_cloudformation_stack" "schedules" { # written by: lambda-punch jobs schedules --app app --template > schedules.json
  name          = "${var.name}-schedules"
  template_body = file("${path.module}/schedules.json")
  parameters    = { OrdersArn = aws_sqs_queue.orders.arn }
  capabilities  = ["CAPABILITY_IAM"]
}

output "queues" {
  description = "The value of LAMBDA_PUNCH_QUEUES, for both functions"
  value = jsonencode({
    orders = {
      url               = aws_sqs_queue.orders.url
      max_receive_count = local.max_receive_count
      dead_letters      = aws_sqs_queue.dead.name
    }
  })
}
