#!/usr/bin/env bash
# Builds a PgBouncer that keeps track of prepared statements (1.21 or later) into the folder $1, from the source of the
# next Debian release, with apt's configuration of this machine. Debian 12 has 1.18.
set -euo pipefail
folder=$(mkdir -p "$1" && cd "$1" && pwd)
[ -x "$folder/pgbouncer" ] && exit 0
installed=$(PATH="$PATH:/usr/sbin" pgbouncer --version 2>/dev/null | awk 'NR == 1 { print $2 }' || true)
if [ -n "$installed" ] && [ "$(printf '1.21\n%s\n' "$installed" | sort -V | head -1)" = 1.21 ]; then
    exit 0
fi

mirror=$(apt-get indextargets --format '$(REPO_URI)' "Created-By: Packages" "Origin: Debian" | head -1)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/lists/partial "$work"/archives/partial
printf 'Types: deb-src\nURIs: %s\nSuites: trixie\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n' \
    "$mirror" > "$work/debian.sources"
cd "$work"
options=(-o "Dir::Etc::SourceList=$work/debian.sources" -o Dir::Etc::SourceParts=- -o "Dir::State::Lists=$work/lists")
options+=(-o "Dir::Cache::Archives=$work/archives" -o APT::Sandbox::User=root -q)
apt-get "${options[@]}" update
apt-get "${options[@]}" source --download-only pgbouncer
DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
    build-essential libc-ares-dev libevent-dev libssl-dev pkg-config
tar -xf pgbouncer_*.orig.tar.*
cd pgbouncer-*/
./configure --prefix="$folder" > /dev/null
make -j2 > /dev/null
cp pgbouncer "$folder/"
"$folder/pgbouncer" --version
