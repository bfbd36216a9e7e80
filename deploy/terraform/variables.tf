variable "repository" {
  description = "Repository of the image in Amazon ECR of this account and Region."
  type        = string
  default     = "sagewatch"
}

variable "image_tag" {
  description = "Tag of the image. Take a new one for each build, so that a change of it is a deployment."
  type        = string
}

variable "architecture" {
  description = "What the image was built for; instance type and machine image must be of the same."
  type        = string
  default     = "X86_64"
  validation {
    condition     = contains(["X86_64", "ARM64"], var.architecture)
    error_message = "architecture must be X86_64 or ARM64."
  }
}

variable "launch" {
  description = "EC2: one machine, with a volume that outlives it. FARGATE: no machine, but an empty state after each deployment or replacement of the task."
  type        = string
  default     = "EC2"
  validation {
    condition     = contains(["EC2", "FARGATE"], var.launch)
    error_message = "launch must be EC2 or FARGATE."
  }
}

variable "machine_image" {
  description = "For EC2, the id of an ECS-optimized image of Amazon Linux 2023. A change replaces the machine."
  type        = string
  default     = null
}

variable "instance_type" {
  description = "For EC2. It needs 4 GiB of memory or more."
  type        = string
  default     = "t3.medium"
}

variable "running" {
  description = "false stops the task, and takes the machine away; the volume and the queues stay."
  type        = bool
  default     = true
}

variable "state_gib" {
  description = "Size of the volume for the state."
  type        = number
  default     = 20
}

variable "vpc_cidr" {
  description = "Addresses of the VPC that is made, where vpc_id is null. At least a /26."
  type        = string
  default     = "10.64.0.0/24"
}

variable "vpc_id" {
  description = "An existing VPC. null makes one without any way to the internet: private subnets and endpoints of the services."
  type        = string
  default     = null
}

variable "subnet_ids" {
  description = "Subnets of vpc_id that reach the services of AWS and your sinks. For EC2 all in the zone `zone`."
  type        = list(string)
  default     = []
}

variable "zone" {
  description = "For EC2 in vpc_id, the availability zone of subnet_ids, such as eu-west-1a."
  type        = string
  default     = null
}

variable "trail_bucket" {
  description = "Bucket of a trail that is there. null makes a trail of all Regions with its bucket."
  type        = string
  default     = null
}

variable "trail_prefix" {
  description = "With trail_bucket, what stands before AWSLogs/ in its keys, with its slash."
  type        = string
  default     = ""
}

variable "trail_topic" {
  description = "With trail_bucket, ARN of the topic that tells of its new files. null: the bucket tells EventBridge of this account."
  type        = string
  default     = null
}

variable "trail_key" {
  description = "ARN of a KMS key for the trail that is made. Its policy must let CloudTrail encrypt, and the task's role decrypt."
  type        = string
  default     = null
}

variable "trail_days" {
  description = "Days for which the bucket that is made keeps files."
  type        = number
  default     = 400
}

variable "read_only_events" {
  description = "true: read-only calls come by EventBridge too, within seconds. false: by the trail's files alone, about 5 minutes later, for a fraction of the messages."
  type        = bool
  default     = true
}

variable "model_buckets" {
  description = "ARNs of buckets that hold models and training data, each with / at its end, whose object calls the trail that is made records. Data events cost."
  type        = list(string)
  default     = []
}

variable "organization_id" {
  description = "Id of the organization. Its accounts may forward events, and the trail that is made is of the organization."
  type        = string
  default     = null
}

variable "management_account" {
  description = "Id of the organization's management account, where this account is a delegated administrator of CloudTrail: a trail of the organization belongs to that account."
  type        = string
  default     = null
}

variable "member_accounts" {
  description = "Ids of accounts that have the module member. They are asked by LookupEvents, and may forward events."
  type        = list(string)
  default     = []
}

variable "external_id" {
  description = "With member_accounts, the external id of their roles. Chosen by you, the same in all."
  type        = string
  default     = ""
  validation {
    condition     = length(var.member_accounts) == 0 || length(var.external_id) >= 8
    error_message = "member_accounts need an external_id of at least 8 characters."
  }
}

variable "alert_email" {
  description = "Address that gets alerts of high and critical severity, and the alarms. AWS asks it to confirm, twice."
  type        = string
  default     = null
}

variable "more_config" {
  description = "What the configuration goes on with: first further sinks (\"  - type: ...\"), then other keys."
  type        = string
  default     = ""
}

variable "secret_arn" {
  description = "ARN of a secret of Secrets Manager that more_config names as {env: SAGEWATCH_SECRET}."
  type        = string
  default     = null
}
