variable "task_role_arn" {
  description = "Output task_role_arn of the module of the security account."
  type        = string
}

variable "external_id" {
  description = "Variable external_id of the module of the security account."
  type        = string
}

variable "bus_arn" {
  description = "Output members_bus_arn of the module of the security account."
  type        = string
}

variable "home_region" {
  description = "Region of the module of the security account. The role is made in this Region of each account, and may read there."
  type        = string
}

variable "read_only_events" {
  description = "As in the module of the security account."
  type        = bool
  default     = true
}
