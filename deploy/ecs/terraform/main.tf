# An application on ECS Fargate with ampagent as its sidecar.

terraform {
  required_version = ">= 1.3"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.80"
    }
  }
}

variable "workspace_arn" {
  type        = string
  description = "ARN of the workspace of Amazon Managed Service for Prometheus."
}

variable "cluster" {
  type = string
}

variable "subnets" {
  type = list(string)
}

variable "security_groups" {
  type = list(string)
}

variable "app_image" {
  type = string
}

variable "app_port" {
  type        = number
  default     = 8080
  description = "Where the application shows its metrics."
}

variable "agent_image" {
  type        = string
  description = "The image of deploy/ecs/Dockerfile."
}

variable "execution_role_arn" {
  type = string
}

data "aws_region" "here" {}

locals {
  workspace_id = element(split("/", var.workspace_arn), 1)
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "deliver" {
  statement {
    actions   = ["aps:RemoteWrite"]
    resources = [var.workspace_arn]
  }
}

resource "aws_iam_role" "task" {
  name_prefix        = "my-app-"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "deliver" {
  role   = aws_iam_role.task.id
  policy = data.aws_iam_policy_document.deliver.json
}

resource "aws_ecs_task_definition" "app" {
  family                   = "my-app"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 256
  memory                   = 512
  task_role_arn            = aws_iam_role.task.arn
  execution_role_arn       = var.execution_role_arn

  volume {
    name = "ampagent"
  }

  container_definitions = jsonencode([
    {
      name         = "app"
      image        = var.app_image
      essential    = true
      portMappings = [{ containerPort = var.app_port }]
      dockerLabels = {
        "prometheus.io/scrape" = "true"
        "prometheus.io/port"   = tostring(var.app_port)
      }
    },
    {
      name      = "ampagent"
      image     = var.agent_image
      essential = false
      memory    = 64
      environment = [
        {
          name  = "AMPAGENT_REMOTE_WRITE_URL"
          value = "https://aps-workspaces.${data.aws_region.here.name}.amazonaws.com/workspaces/${local.workspace_id}/api/v1/remote_write"
        }
      ]
      healthCheck = {
        command     = ["CMD", "/usr/bin/ampagent", "health"]
        interval    = 30
        timeout     = 5
        retries     = 3
        startPeriod = 10
      }
      stopTimeout   = 30
      restartPolicy = { enabled = true }
      mountPoints   = [{ sourceVolume = "ampagent", containerPath = "/var/lib/ampagent" }]
    }
  ])
}

resource "aws_ecs_service" "app" {
  name            = "my-app"
  cluster         = var.cluster
  launch_type     = "FARGATE"
  desired_count   = 2
  task_definition = aws_ecs_task_definition.app.arn

  network_configuration {
    subnets         = var.subnets
    security_groups = var.security_groups
  }
}
