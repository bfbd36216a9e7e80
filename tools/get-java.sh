#!/usr/bin/env bash
# Brings Java 17 and Maven, which the Kafka tests need, onto a Debian or Ubuntu machine that lacks them.
#
# Says what it did and ends with 0 when both are there at the end, else with 1. Needs root, or sudo without a password.
# Where that is not to be had nothing is harmed: the tests are skipped and say why (with CI=true they fail).
set -uo pipefail

has_java() {
  local version
  version=$("${JAVA_HOME:+$JAVA_HOME/bin/}java" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p')
  [ "${version:-0}" -ge 17 ]
}
has_maven() { [ -n "${SAGEWATCH_MAVEN_URL:-}" ] || command -v mvn >/dev/null; }

if has_java && has_maven; then exit 0; fi
if ! command -v apt-get >/dev/null; then
  echo "Java 17 or Maven is missing, and there is no apt-get: install both by hand for the Kafka tests"
  exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! sudo -n true 2>/dev/null; then
    echo "Java 17 or Maven is missing: sudo apt-get install openjdk-17-jre-headless maven"
    exit 1
  fi
  as_root=(sudo -n)
fi
java=openjdk-17-jre-headless
if has_java; then java=""; fi
install() { DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends $java maven >/dev/null; }
echo "installing Java and Maven for the Kafka tests"
install || { "${as_root[@]}" apt-get update -qq && install; }
if has_java && has_maven; then exit 0; fi
# A release without version 17 has a newer one as its default.
java=default-jre-headless
install
has_java && has_maven
