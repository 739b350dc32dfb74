#!/usr/bin/env bash
# Kills the agent again and again, with sinks, disk and signals against it, and counts every sample.
#
#   torture.sh [--short] [--kills N] [--minutes M] [--seed S]    (torture.py has the details)
#   torture.sh --peers [...]                                     (tests/bench/peers_faults.py)
#   torture.sh --memory                                          (memory_limit.py: 32 MB and no more)
#   torture.sh --rotations [N]                                   (rotation.py: keys that live 3 s, 200 times)
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
if [ "${1:-}" = --peers ]; then
	shift
	exec python3 tests/bench/peers_faults.py "$@"
fi
if [ "${1:-}" = --memory ]; then
	exec python3 tests/integration/memory_limit.py
fi
if [ "${1:-}" = --rotations ]; then
	exec python3 tests/integration/rotation.py --rotations "${2:-200}"
fi
# A disk that is full is a small file system, mounted where nobody else sees it.
namespace=()
if unshare -m true 2>/dev/null; then
	namespace=(unshare -m --propagation private)
	export AMPAGENT_TORTURE_MOUNTS=1
fi
exec "${namespace[@]}" python3 tests/integration/torture.py "$@"
