# The machine of launch EC2, and the volume that outlives it.

resource "aws_ebs_volume" "state" {
  count             = local.is_ec2 ? 1 : 0
  availability_zone = local.zone
  size              = var.state_gib
  type              = "gp3"
  encrypted         = true
  final_snapshot    = true
  tags              = { Name = "sagewatch-state" }
}

resource "aws_instance" "machine" {
  count                       = local.has_machine ? 1 : 0
  ami                         = var.machine_image
  instance_type               = var.instance_type
  iam_instance_profile        = aws_iam_instance_profile.machine[0].name
  subnet_id                   = local.subnets[0]
  vpc_security_group_ids      = [aws_security_group.task.id]
  user_data_replace_on_change = true
  depends_on                  = [aws_vpc_endpoint.service, aws_vpc_endpoint.s3, aws_iam_role_policy_attachment.machine]
  tags                        = { Name = "sagewatch" }

  # Whatever fails in it leaves the machine outside of the cluster: no task ever runs without its state.
  user_data = templatefile("${path.module}/machine.sh.tftpl", {
    volume  = replace(aws_ebs_volume.state[0].id, "-", "")
    cluster = aws_ecs_cluster.sagewatch.name
  })

  metadata_options {
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  lifecycle {
    precondition {
      condition     = var.machine_image != null
      error_message = "launch EC2 needs machine_image."
    }
  }
}

resource "aws_volume_attachment" "state" {
  count                          = local.has_machine ? 1 : 0
  device_name                    = "/dev/sdf"
  volume_id                      = aws_ebs_volume.state[0].id
  instance_id                    = aws_instance.machine[0].id
  stop_instance_before_detaching = true
}
