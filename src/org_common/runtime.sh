#!/bin/sh
# Starts the streaming runtime: AWS_LAMBDA_EXEC_WRAPPER=/opt/python/org_common/runtime.sh
# Lambda passes the command of its own runtime, of which only the interpreter is used. Its import path is repeated here.
layers="/opt/python:/opt/python/lib/${AWS_EXECUTION_ENV#AWS_Lambda_}/site-packages"
export PYTHONPATH="${LAMBDA_TASK_ROOT:-/var/task}:$layers${PYTHONPATH:+:$PYTHONPATH}"
exec "$1" -m org_common.runtime "$_HANDLER"
