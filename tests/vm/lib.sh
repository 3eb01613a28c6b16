# What the parts of the test bed share: messages, the cache, and an apt beside the machine's own.
# shellcheck shell=bash disable=SC2034 # what is set here is used by those who include it

set -euo pipefail

vm=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
cache=${LBPF_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/lbpf}
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

say() { echo "vm: $*" >&2; }
die() {
	say "$*"
	exit 1
}

# quietly COMMAND...: what it prints is shown only if it fails.
quietly() {
	local text
	text=$("$@" 2>&1) || die "failed: $*"$'\n'"$text"
}

# locked FILE COMMAND...: one at a time. A daemon that COMMAND leaves behind does not keep the lock.
locked() {
	mkdir -p "$(dirname "$1")"
	(
		flock 9
		"${@:2}" 9>&-
	) 9>"$1"
}

# cached NAME COMMAND...: makes the cache entry NAME with COMMAND DIR, unless it is there, and prints where it is.
# An entry is made beside its place and moved there whole.
cached() {
	[ -e "$cache/$1" ] || locked "$cache/$1.lock" make_entry "$@"
	echo "$cache/$1"
}

make_entry() {
	local entry=$cache/$1
	[ ! -e "$entry" ] || return 0
	say "making $1"
	rm -rf --one-file-system "$entry.part"
	mkdir "$entry.part"
	"${@:2}" "$entry.part" >&2
	mv "$entry.part" "$entry"
}

# source_lines PATTERN [SUITE]: one-line apt sources for the releases of Debian that this machine itself uses and that
# match PATTERN; with SUITE, its line at the same mirror instead. So no mirror is named here.
source_lines() {
	# shellcheck disable=SC2016 # apt's variables, not ours
	apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
		awk -v pattern="^$1\$" -v suite="${2:-}" -v key=/usr/share/keyrings/debian-archive-keyring.gpg '
			$2 ~ pattern && $3 == "main" && !seen[$1 $2]++ {
				print "deb [signed-by=" key "]", $1, suite ? suite : $2, "main"; found = 1
			}
			END { exit !found }' || die "no apt source for $1 main on this machine"
}

codename() (. /etc/os-release && echo "$VERSION_CODENAME")

# apt_beside NAME COMMAND...: apt-get or apt-cache with lists and packages of its own under the cache; it sees what
# cache/apt/NAME/sources lists, and nothing else.
apt_beside() {
	local dir=$cache/apt/$1
	mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
	locked "$dir/lock" "$2" -qq -oDir::Etc::sourcelist="$dir/sources" -oDir::Etc::sourceparts=- \
		-oDir::State::lists="$dir/lists" -oDir::Cache="$dir/cache" -oAPT::Sandbox::User=root \
		-oAcquire::Check-Valid-Until=false -oAcquire::Languages=none -oDPkg::Lock::Timeout=600 "${@:3}"
}
