#!/usr/bin/env bash
# Make Lambda's base image for Python available to `sam local`. Answer nothing; say on stderr what is done.
#
# The public image is pulled when its registry answers. Without one, a stand-in is built: a minimal Debian, whose own
# python3 is the runtime's version, with Lambda's folders, its runtime client and boto3. SAM adds the emulator itself.
# The stand-in proves packaging, imports, environment and answers, not Amazon Linux: deploy from the real thing.
#
# Needs a docker engine that answers. The stand-in also needs root, apt, a Debian mirror and the package index.
# Safe to repeat: an image that is there is kept. Settings: IMAGE, UV (the uv command), DEBIAN_MIRROR.
set -euo pipefail

readonly python_version=3.13 debian_suite=trixie
readonly image=${IMAGE:-public.ecr.aws/lambda/python:$python_version-x86_64}
readonly uv=${UV:-uv}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly here

say() { printf 'image: %s\n' "$*" >&2; }
fail() { say "cannot go on: $*"; exit 1; }

pull_public_image() {
  local registry=${image%%/*}
  # Any HTTP answer will do, a 401 too: it tells that the registry can be reached.
  curl --silent --output /dev/null --connect-timeout 3 --max-time 5 "https://$registry/v2/" || return 1
  say "pulling $image"
  timeout 300 docker pull --quiet "$image" >&2
}

check_machine() {
  [ "$(uname -m)" = x86_64 ] || fail "the stand-in is for x86_64, this machine is $(uname -m)"
  [ "$(id -u)" = 0 ] || fail "the public image cannot be pulled, and building a stand-in needs root"
  command -v apt-get >/dev/null || fail "the public image cannot be pulled, and building a stand-in needs apt"
  command -v "$uv" >/dev/null || fail "no uv command (run make setup, or set UV)"
}

install_debootstrap() {
  command -v debootstrap >/dev/null && [ -e /usr/share/keyrings/debian-archive-keyring.gpg ] && return
  say "installing debootstrap"
  timeout 120 apt-get update -qq >&2
  # The keyring comes along: an older release's own may not know the newer one's signing key.
  DEBIAN_FRONTEND=noninteractive timeout 180 apt-get install -y -qq --no-install-recommends \
    debootstrap debian-archive-keyring >/dev/null
}

# The mirror that this machine's apt already uses, in either form of its sources.
debian_mirror() {
  [ -n "${DEBIAN_MIRROR:-}" ] && { echo "$DEBIAN_MIRROR"; return; }
  { cat /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources} 2>/dev/null || true; } |
    grep -v '^ *#' | grep -oE '[a-z]+://[^] ]+/debian/?( |$)' | head -n 1 | tr -d ' '
}

install_system() {
  local root=$1 mirror log=$1.log
  mirror=$(debian_mirror) || fail "apt's sources name no Debian mirror: set DEBIAN_MIRROR"
  say "installing Debian $debian_suite with its Python $python_version"
  timeout 300 debootstrap --variant=minbase --include=python3,ca-certificates,tzdata \
    "$debian_suite" "$root" "$mirror" >"$log" 2>&1 || { tail -n 5 "$log" >&2; fail "debootstrap failed"; }
  chroot "$root" "python$python_version" -c '' || fail "Debian $debian_suite has no Python $python_version"
  rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/usr/share/{doc,info,locale,man}/*
}

install_runtime() {
  local root=$1
  say "installing the runtime client and boto3"
  mkdir -p "$root"/var/{runtime,task,lang/bin} "$root/opt"
  # Wheels for the image's Python and platform, whatever runs here.
  timeout 180 "$uv" pip install -q --require-hashes --only-binary :all: --python-version "$python_version" \
    --python-platform x86_64-manylinux_2_28 --target "$root/var/runtime" -r "$here/image-requirements.txt" >&2
  ln -s "/usr/bin/python$python_version" "$root/var/lang/bin/python$python_version"
  ln -s "python$python_version" "$root/var/lang/bin/python3"
  install -m 755 "$here/bootstrap" "$root/var/runtime/bootstrap"
}

import_image() {
  local root=$1
  say "importing $image"
  tar -C "$root" --numeric-owner --exclude='./proc/*' --exclude='./sys/*' -c . | docker import \
    --change 'ENV LANG=C.UTF-8 TZ=:/etc/localtime LAMBDA_TASK_ROOT=/var/task LAMBDA_RUNTIME_DIR=/var/runtime' \
    --change 'ENV PATH=/var/lang/bin:/usr/local/bin:/usr/bin:/bin:/opt/bin' \
    --change 'ENV LD_LIBRARY_PATH=/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/task:/var/task/lib:/opt/lib' \
    --change 'WORKDIR /var/task' - "$image" >/dev/null
}

drop_derived_images() {
  # SAM keeps images made from an older base under fixed names, and would go on using them.
  docker images --format '{{.Repository}}:{{.Tag}}' |
    { grep -E "^(${image%:*}:$python_version-rapid-|samcli/lambda-python:$python_version-)" || true; } |
    xargs --no-run-if-empty docker rmi --force >/dev/null
}

build_stand_in() {
  local work
  check_machine
  install_debootstrap
  work=$(mktemp -d -p "${TMPDIR:-/var/tmp}" lambda-image.XXXXXX)
  # shellcheck disable=SC2064  # the folder's name is fixed now, while $work is known
  trap "rm -rf '$work'" EXIT
  install_system "$work/root"
  install_runtime "$work/root"
  import_image "$work/root"
  drop_derived_images
}

docker info >/dev/null 2>&1 || fail "no docker engine answers"
if docker image inspect "$image" >/dev/null 2>&1; then
  say "$image is here"
  exit 0
fi
pull_public_image || { say "it cannot be pulled: building a stand-in from Debian"; build_stand_in; }
docker run --rm --entrypoint /var/lang/bin/python3 --env PYTHONPATH=/var/runtime "$image" -c 'import awslambdaric, boto3, ssl' ||
  fail "$image cannot import Lambda's runtime"
say "$image is ready after $SECONDS s"
