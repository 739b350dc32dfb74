#!/usr/bin/env bash
# Kills the agent again and again, with sinks that come and go, and counts every sample.
#
#   torture.sh [--short] [--kills N] [--seed S]      (tests/integration/torture.py has the details)
#
# AMPAGENT_BUILD_DIR names the build to torture, build by default.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.."
AMPAGENT=$(readlink -f "${AMPAGENT_BUILD_DIR:-build}")/src/ampagent
export AMPAGENT
if [ ! -x "$AMPAGENT" ]; then
	echo "torture: there is no $AMPAGENT; ./dev build makes it" >&2
	exit 2
fi
exec python3 tests/integration/torture.py "$@"
