#!/usr/bin/env bash
# Measures the program under load; ./dev bench builds what is needed and calls it. run.py has the
# flags.
set -euo pipefail
exec python3 "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/run.py" "$@"
