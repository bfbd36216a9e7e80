# No way to the internet and none from it.

resource "aws_vpc" "own" {
  count                = local.own_network ? 1 : 0
  cidr_block           = var.vpc_cidr
  enable_dns_support   = true
  enable_dns_hostnames = true
  tags                 = { Name = "sagewatch" }
}

# A second zone for Fargate alone: a volume of EC2 lies in one.
resource "aws_subnet" "own" {
  count             = local.own_network ? (local.is_ec2 ? 1 : 2) : 0
  vpc_id            = aws_vpc.own[0].id
  cidr_block        = cidrsubnet(var.vpc_cidr, 2, count.index)
  availability_zone = data.aws_availability_zones.here.names[count.index]
  tags              = { Name = "sagewatch-${count.index}" }
}

resource "aws_route_table" "own" {
  count  = local.own_network ? 1 : 0
  vpc_id = aws_vpc.own[0].id
  tags   = { Name = "sagewatch" }
}

resource "aws_route_table_association" "own" {
  count          = length(aws_subnet.own)
  subnet_id      = aws_subnet.own[count.index].id
  route_table_id = aws_route_table.own[0].id
}

locals {
  vpc_id  = local.own_network ? aws_vpc.own[0].id : var.vpc_id
  subnets = local.own_network ? aws_subnet.own[*].id : var.subnet_ids
  zone    = local.own_network ? data.aws_availability_zones.here.names[0] : var.zone

  # Of each service: whether its endpoint takes the keys of this account alone.
  endpoints = local.own_network ? merge(
    {
      "ecr.api"  = true
      "ecr.dkr"  = true
      logs       = true
      sqs        = true
      events     = true
      sns        = true
      sts        = true
      cloudtrail = false
    },
    var.secret_arn == null ? {} : { secretsmanager = true },
    local.is_ec2 ? { ecs = true, ecs-agent = false, ecs-telemetry = false } : {},
  ) : {}
}

resource "aws_security_group" "task" {
  name        = "sagewatch"
  description = "Sagewatch, which nobody connects to"
  vpc_id      = local.vpc_id
}

# In the VPC that is made no route leads further than to the endpoints.
resource "aws_vpc_security_group_egress_rule" "task" {
  security_group_id = aws_security_group.task.id
  description       = local.own_network ? "services of AWS" : "services of AWS and sinks"
  ip_protocol       = "tcp"
  from_port         = local.own_network ? 443 : 1
  to_port           = local.own_network ? 443 : 65535
  cidr_ipv4         = "0.0.0.0/0"
}

resource "aws_security_group" "endpoints" {
  count       = local.own_network ? 1 : 0
  name        = "sagewatch-endpoints"
  description = "Endpoints that Sagewatch uses"
  vpc_id      = aws_vpc.own[0].id
}

resource "aws_vpc_security_group_ingress_rule" "endpoints" {
  count                        = local.own_network ? 1 : 0
  security_group_id            = aws_security_group.endpoints[0].id
  description                  = "from Sagewatch"
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  referenced_security_group_id = aws_security_group.task.id
}

# Where it can be, for identities of this account alone, so that nobody else's keys carry anything out.
resource "aws_vpc_endpoint" "service" {
  for_each            = local.endpoints
  vpc_id              = aws_vpc.own[0].id
  vpc_endpoint_type   = "Interface"
  service_name        = "com.amazonaws.${local.region}.${each.key}"
  private_dns_enabled = true
  subnet_ids          = aws_subnet.own[*].id
  security_group_ids  = [aws_security_group.endpoints[0].id]
  policy = each.value ? jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = "*"
      Action    = "*"
      Resource  = "*"
      Condition = { StringEquals = { "aws:PrincipalAccount" = local.account } }
    }]
  }) : null
}

# Reads of the trail's bucket and of the layers of images; nothing else, so that no stolen key empties or fills a bucket here.
resource "aws_vpc_endpoint" "s3" {
  count             = local.own_network ? 1 : 0
  vpc_id            = aws_vpc.own[0].id
  vpc_endpoint_type = "Gateway"
  service_name      = "com.amazonaws.${local.region}.s3"
  route_table_ids   = [aws_route_table.own[0].id]
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = "*"
      Action    = ["s3:GetObject", "s3:ListBucket"]
      Resource = [
        "arn:${local.partition}:s3:::${local.bucket}",
        "arn:${local.partition}:s3:::${local.bucket}/*",
        "arn:${local.partition}:s3:::prod-${local.region}-starport-layer-bucket/*",
      ]
    }]
  })
}
