#!/usr/bin/env bash
# Measures the program under load; ./dev bench builds what is needed and calls it. run.py has the
# flags, outage.py those after --outage.
set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
if [ "${1:-}" = --outage ]; then
	shift
	exec python3 "$here/outage.py" "$@"
fi
exec python3 "$here/run.py" "$@"
