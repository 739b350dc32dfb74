#!/usr/bin/env bash
# Peer programs for the demo and the tests: real exporters and receivers from Debian's packages.
# They are never installed, because their packages would start services: the package is fetched
# and unpacked below build/peers.
#
#   . tests/lib/peers.sh; path=$(peer prometheus-node-exporter)
#   path=$(tests/lib/peers.sh prometheus-node-exporter)
#
# Needs apt's package lists, but no root rights when they are there.

peers_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# The package that holds a program.
peer_package() {
	case $1 in
	prometheus-node-exporter) echo prometheus-node-exporter ;;
	prometheus | promtool | prometheus3) echo prometheus ;;
	victoria-metrics | vmagent) echo victoria-metrics ;;
	*)
		echo "peers: no program is called $1 (prometheus-node-exporter, prometheus," \
			"prometheus3, promtool, victoria-metrics, vmagent)" >&2
		return 1
		;;
	esac
}

# apt says at length that root downloads without a sandbox: only its last words matter here.
peer_download() (
	cd "$2" || exit 1
	apt-get -q -o APT::Sandbox::User="$(id -un)" download "$1" >download.log 2>&1
)

# prometheus3 is the Prometheus of Debian's unstable distribution, read from package lists of its
# own, so that the system's stay as they are.
peer_unstable() (
	lists=$peers_root/build/peers/.unstable
	# The mirror of the system's own lists.
	mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Origin: Debian' | grep -v -m1 security)
	mkdir -p "$lists/lists/partial" "$lists/cache/archives/partial"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror unstable main" \
		>"$lists/sources.list"
	apt() {
		apt-get -q -o APT::Sandbox::User="$(id -un)" -o Dir::Etc::SourceList="$lists/sources.list" \
			-o Dir::Etc::SourceParts=- -o Dir::Cache="$lists/cache" \
			-o Dir::State::Lists="$lists/lists" -o Acquire::Languages=none \
			-o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false "$@"
	}
	cd "$1" || exit 1
	apt update >download.log 2>&1 && apt download prometheus >>download.log 2>&1
	status=$?
	rm -rf "$lists"
	return $status
)

# Unpacks unstable's Prometheus into a directory, if it is a version 3 that runs here.
peer_fetch_prometheus3() {
	local dir=$1 stage
	stage=$(mktemp -d "$peers_root/build/peers/.prometheus3.XXXXXX")
	echo "peers: fetching Debian unstable's package prometheus (unpacked, not installed)" >&2
	if peer_unstable "$stage" && dpkg -x "$stage"/prometheus_*.deb "$stage/root" &&
		"$stage/root/usr/bin/prometheus" --version 2>&1 | grep -q '^prometheus, version 3'; then
		rm -rf "$dir" && mv "$stage/root" "$dir"
	else
		echo "peers: no Prometheus 3 that runs here can be fetched:" >&2
		tail -n 3 "$stage/download.log" >&2
	fi
	rm -rf "$stage"
	[ -d "$dir" ]
}

peer_fetch() {
	local package=$1 dir=$2 stage
	stage=$(mktemp -d "$peers_root/build/peers/.$package.XXXXXX")
	echo "peers: fetching Debian's package $package (unpacked, not installed)" >&2
	if ! peer_download "$package" "$stage"; then
		if [ "$(id -u)" = 0 ]; then
			echo "peers: updating apt's package lists" >&2
			apt-get -q update >&2 || true
		fi
		if ! peer_download "$package" "$stage"; then
			echo "peers: the package $package cannot be fetched:" >&2
			tail -n 3 "$stage/download.log" >&2
			[ "$(id -u)" = 0 ] || echo "peers: try 'apt-get update' as root first" >&2
			rm -rf "$stage"
			return 1
		fi
	fi
	dpkg -x "$stage/$package"_*.deb "$stage/root" && rm -rf "$dir" && mv "$stage/root" "$dir"
	local status=$?
	rm -rf "$stage"
	return $status
}

# Prints the path of the program, fetching it the first time; fails with the reason on stderr.
peer() {
	local program=$1 package dir path
	package=$(peer_package "$program") || return 1
	dir=$peers_root/build/peers/$package
	path=$dir/usr/bin/$program
	if [ "$program" = prometheus3 ]; then
		dir=$peers_root/build/peers/prometheus3
		path=$dir/usr/bin/prometheus
	fi
	if [ ! -x "$path" ]; then
		mkdir -p "$peers_root/build/peers"
		# Two tests may ask at once.
		(
			flock 9
			[ -x "$path" ] || if [ "$program" = prometheus3 ]; then
				peer_fetch_prometheus3 "$dir"
			else
				peer_fetch "$package" "$dir"
			fi
		) 9>"$peers_root/build/peers/.lock" || return 1
	fi
	if [ ! -x "$path" ]; then
		echo "peers: the package $package has no usr/bin/$program" >&2
		return 1
	fi
	echo "$path"
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
	set -euo pipefail
	peer "${1:?usage: peers.sh PROGRAM}"
fi
