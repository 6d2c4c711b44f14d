#!/usr/bin/env bash
# pytest-xdist: tests of one `xdist_group` run in several processes with pytest 9.2.
#
# `--dist loadgroup` "guarantees that all tests with same xdist_group name run in the same worker" (pytest-xdist
# documentation, "Running tests across multiple CPUs"). The plugin adds the group to the private name of a test, which
# pytest 9.2 keeps elsewhere: the mark is ignored without a warning. With pytest 8.4 the same tests stay in one process.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > test_groups.py <<'PYTHON'
import os
import time

import pytest


@pytest.mark.xdist_group("database")
@pytest.mark.parametrize("number", range(12))
def test_of_one_group(number):
    time.sleep(0.05)
    with open(os.environ["PROCESSES"], "a") as file:
        print(os.environ["PYTEST_XDIST_WORKER"], file=file)
PYTHON

processes() { # the number of processes that ran tests of the group, with this version of pytest
    python3 -m venv "venv-$1"
    "venv-$1/bin/pip" install --quiet --disable-pip-version-check "pytest==$1" 'pytest-xdist==3.8.0'
    PROCESSES="$folder/$1.txt" "venv-$1/bin/python" -m pytest -q -p no:cacheprovider -n 2 --dist loadgroup >/dev/null
    sort -u "$1.txt" | wc -l
}

python3 --version
old=$(processes 8.4.2)
new=$(processes 9.2.0)
echo "pytest-xdist 3.8.0: one group ran in $old process with pytest 8.4.2, in $new processes with pytest 9.2.0"
[ "$old" = 1 ] && [ "$new" = 2 ] || { echo "this has changed"; exit 1; }
