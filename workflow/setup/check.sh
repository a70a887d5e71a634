#!/bin/sh
# What `make install` needs, checked before it changes anything. Each failure is one line and exit status 1.
# Usage: check.sh PYTHON FREE_GB
python=${1:-python3}
free_gb=${2:-4}

fail() {
    echo "make install: $1" >&2
    exit 1
}

command -v "$python" >/dev/null 2>&1 ||
    fail "no '$python' found; install Python 3.11 or newer, or name one: make install PYTHON=/path/to/python3"

version=$("$python" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null) ||
    fail "'$python' does not start; name another: make install PYTHON=/path/to/python3"

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "Python 3.11 or newer is needed, '$python' is $version; name another: make install PYTHON=/path/to/python3"

"$python" -c 'import ensurepip, venv' 2>/dev/null ||
    fail "Python $version ('$python') lacks pip or venv; install them (on Debian and Ubuntu the package python3-venv)"

[ -w . ] || fail "no permission to write in $(pwd)"

available_kb=$(df -Pk . 2>/dev/null | awk 'NR == 2 { print $4 }')
case $available_kb in
    '' | *[!0-9]*) ;; # a file system that does not tell is no reason to stop
    *)
        awk -v kb="$available_kb" -v gb="$free_gb" 'BEGIN { exit !(kb * 1024 >= gb * 1e9) }' ||
            fail "$free_gb GB of free disk are needed here, $(awk -v kb="$available_kb" 'BEGIN { printf "%.1f", kb * 1024 / 1e9 }') GB are left"
        ;;
esac
