# Sagewatch in the security account, as deploy/cloudformation makes it. See README.md beside this file.
#
# One writer, one disk: the service has one task, and a deployment stops it before the next begins.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

data "aws_availability_zones" "here" {
  state = "available"
}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  suffix    = data.aws_partition.current.dns_suffix
  region    = data.aws_region.current.region

  is_ec2         = var.launch == "EC2"
  has_machine    = local.is_ec2 && var.running
  own_network    = var.vpc_id == null
  own_trail      = var.trail_bucket == null
  bucket_events  = !local.own_trail && var.trail_topic == null
  has_members    = length(var.member_accounts) > 0
  has_forwarders = local.has_members || var.organization_id != null

  bucket     = local.own_trail ? "sagewatch-trail-${local.account}-${local.region}" : var.trail_bucket
  owner      = var.management_account == null ? local.account : var.management_account
  trail_arn  = "arn:${local.partition}:cloudtrail:${local.region}:${local.owner}:trail/sagewatch"
  rule_state = var.read_only_events ? "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS" : "ENABLED"
}
